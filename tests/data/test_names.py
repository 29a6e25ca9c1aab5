import pytest

from nnmass.data import DATASETS, check_name, dataset_info
from nnmass.errors import SpecError


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        *((name, name) for name in DATASETS),
        ("segments(20)", "segments(20)"),
        ("segments(20,range=1,noise=0,seed=0)", "segments(20)"),
        (
            " circles( 10 , seed=3, noise=0.010,range=100)",
            "circles(10,range=100,noise=0.01,seed=3)",
        ),
        ("folder(photos)", "folder(photos)"),
        ("folder(/a b/c,d,size=64)", "folder(/a b/c,d,size=64)"),
        ("folder(a,broken=skip,size=224)", "folder(a,broken=skip)"),
        ("folder(a=b/c)", "folder(a=b/c)"),
        ("imagenet", "imagenet"),
        ("imagenet()", "imagenet"),
        ("imagenet(size=128)", "imagenet(size=128)"),
        ("tiny-imagenet(size=64)", "tiny-imagenet"),
        ("tiny-imagenet(size=224)", "tiny-imagenet(size=224)"),
    ],
)
def test_canonical_names(name, canonical):
    assert check_name(name) == canonical
    assert check_name(canonical) == canonical


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("segments", ["the number of segments must be a whole number in 2 .. 1200, got ''"]),
        ("circles(1)", ["the number of rings must be", "got '1'", "Write circles(S[,"]),
        ("segments(1201)", ["got '1201'"]),
        ("segments(2.5)", ["got '2.5'"]),
        ("segments(-3)", ["got '-3'"]),
        ("segments(20", ["no closing bracket"]),
        ("segments(20,range=10)", ["range must be 1 (the paper's) or 100"]),
        ("segments(20,noise=nan,seed=x,nois=1)", ["noise must be", "seed must be", "'noise'"]),
        ("segments(20,noise=2)", ["in 0 .. 1, as a share of the range, got '2'"]),
        ("segments(20,seed)", ["'seed' is no key=value"]),
        ("segments(20,seed=1,seed=1)", ["seed is given twice"]),
        ("folder", ["the path of the folder is missing"]),
        ("folder(a,size=4)", ["size must be a whole number in 8 .. 1024, got '4'"]),
        ("folder(a,broken=no)", ["broken must be stop", "got 'no'"]),
        ("imagenet(128)", ["'128' is no key=value"]),
        ("segmens(20)", ["unknown data set 'segmens(20)'. Did you mean 'segments'?"]),
        ("cifar10(3)", ["unknown data set 'cifar10(3)'. Did you mean 'cifar10'"]),
    ],
)
def test_wrong_names(name, said):
    with pytest.raises(SpecError) as caught:
        check_name(name)
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_info_of_points_without_making_them():
    info = dataset_info("circles(7,range=100)")
    assert (info.n_train, info.n_test, info.shape, len(info.classes)) == (12_000, 1_200, (2,), 2)
    assert (info.name, info.mean, info.std, info.scale) == (
        "circles(7,range=100)",
        (0, 0),
        (1, 1),
        1,
    )
    assert info.has_features
    assert not dataset_info("mnist").has_features
