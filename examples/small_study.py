"""A small study: what does the accuracy of 12 MLPs follow, NN-Mass or their size?

Too few networks for a claim; the intervals say so. A real one is studies/mnist-mlp.toml.

Takes 17 s on one slow core. Writes the folder small-study; run again, it has nothing left to do.

    python examples/small_study.py
"""

# %% Twelve networks of three depths and four link caps, two seeds each
from nnmass import parse
from nnmass.studies import (
    LocalEngine,
    fit_accuracy,
    parse_study,
    run_study,
    study_table,
    summarise,
)

study = parse_study("""
[study]
name = "small-study"
title = "MLPs on digits"
data = "digits"
seeds = 2
recipe = "adam"

[recipe]
epochs = 20

[[networks]]
spec = "dense-mlp(w=8,d={8,12,16},t={1,3,6,12},in=64)"
""")
print(f"{len(study.specs)} networks, {study.n_trials} trainings")

# %% Run it. Killed at any moment, the same call goes on; what is done is never trained again
stored = run_study(study, engine=LocalEngine(workers=1, threads=1))
networks = summarise(stored.results)
for network in sorted(networks, key=lambda one: one.mass):
    print(
        f"{network.spec:32} NN-Mass {network.mass:5.2f}  {network.params:6,} params  "
        f"{network.macs:6,} MACs  accuracy {network.accuracy:.1%}"
    )

# %% What explains the accuracies: the baselines first, mass beside them
fit = fit_accuracy(study_table(stored.to_rows()), top=3, n_resamples=500)
print(f"\nR2 over {fit.n_configurations} networks, with its 95 % interval:")
for terms in fit.configurations:
    interval = terms.r_squared.interval
    ends = f"[{interval.low:.2f}, {interval.high:.2f}]" if interval else ""
    print(f"  {terms.name:20} {terms.r_squared.value:.2f} {ends}")

# %% The model that predicts a network which was not trained
print(f"the model: {' + '.join(fit.model.terms or ())}")
unseen = parse("dense-mlp(w=8,d=10,t=6,in=64)")
prediction = fit.model.predict(unseen)
print(
    f"{unseen} is predicted to have {prediction.accuracy:.1f} % "
    f"({prediction.low:.1f} .. {prediction.high:.1f} %)"
)
