"""Audits of a trained model: what a patch can do to it, and what a few flipped bits can."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.audit._bits._bit_audit import bit_trojan as bit_trojan
    from nnmass.audit._bits._bit_result import OUTSIDE as OUTSIDE
    from nnmass.audit._bits._bit_result import BitAudit as BitAudit
    from nnmass.audit._bits._bit_result import TargetBounds as TargetBounds
    from nnmass.audit._bits._emulation import EmulatedRow as EmulatedRow
    from nnmass.audit._bits._flips import FlipCount as FlipCount
    from nnmass.audit._bits._flips import count_flips as count_flips
    from nnmass.audit._bits._last_layer import LastLayer as LastLayer
    from nnmass.audit._bits._last_layer import quantised_layer as quantised_layer
    from nnmass.audit._bits._mitigations import MitigationRow as MitigationRow
    from nnmass.audit._bits._need import UNREACHABLE as UNREACHABLE
    from nnmass.audit._bits._need import flips_needed as flips_needed
    from nnmass.audit._bits._need import floor_of as floor_of
    from nnmass.audit._bits._trojan_row import Bounds as Bounds
    from nnmass.audit._bits._trojan_row import TrojanRow as TrojanRow
    from nnmass.audit._images import with_normalisation as with_normalisation
    from nnmass.audit._patch._ablation import Ablation as Ablation
    from nnmass.audit._patch._ablation import parse_ablation as parse_ablation
    from nnmass.audit._patch._attack import PatchAttack as PatchAttack
    from nnmass.audit._patch._attack import attack_patches as attack_patches
    from nnmass.audit._patch._certificate import NOT_COVERED as NOT_COVERED
    from nnmass.audit._patch._certificate import PatchCertificate as PatchCertificate
    from nnmass.audit._patch._certificate import recheck as recheck
    from nnmass.audit._patch._collect import collect_votes as collect_votes
    from nnmass.audit._patch._encode import encode as encode
    from nnmass.audit._patch._files import SMOOTHED_FILE as SMOOTHED_FILE
    from nnmass.audit._patch._files import load_smoothed as load_smoothed
    from nnmass.audit._patch._files import save_smoothed as save_smoothed
    from nnmass.audit._patch._patch_audit import PatchAudit as PatchAudit
    from nnmass.audit._patch._patch_audit import certify_patches as certify_patches
    from nnmass.audit._patch._patch_audit import certify_votes as certify_votes
    from nnmass.audit._patch._patch_row import PatchRow as PatchRow
    from nnmass.audit._patch._patch_summary import PatchSummary as PatchSummary
    from nnmass.audit._patch._smoothed import SmoothedNet as SmoothedNet
    from nnmass.audit._patch._stem import adapt_stem as adapt_stem
    from nnmass.audit._patch._training import BandObjective as BandObjective
    from nnmass.audit._patch._training import train_smoothed as train_smoothed
    from nnmass.audit._patch._votes import VoteTable as VoteTable
    from nnmass.audit._patch._votes import read_votes as read_votes
    from nnmass.audit._patch._votes import save_votes as save_votes

_SOURCES = {
    "Ablation": "nnmass.audit._patch._ablation",
    "BandObjective": "nnmass.audit._patch._training",
    "BitAudit": "nnmass.audit._bits._bit_result",
    "Bounds": "nnmass.audit._bits._trojan_row",
    "EmulatedRow": "nnmass.audit._bits._emulation",
    "FlipCount": "nnmass.audit._bits._flips",
    "LastLayer": "nnmass.audit._bits._last_layer",
    "MitigationRow": "nnmass.audit._bits._mitigations",
    "NOT_COVERED": "nnmass.audit._patch._certificate",
    "OUTSIDE": "nnmass.audit._bits._bit_result",
    "PatchAttack": "nnmass.audit._patch._attack",
    "PatchAudit": "nnmass.audit._patch._patch_audit",
    "PatchSummary": "nnmass.audit._patch._patch_summary",
    "PatchCertificate": "nnmass.audit._patch._certificate",
    "PatchRow": "nnmass.audit._patch._patch_row",
    "SMOOTHED_FILE": "nnmass.audit._patch._files",
    "SmoothedNet": "nnmass.audit._patch._smoothed",
    "TargetBounds": "nnmass.audit._bits._bit_result",
    "TrojanRow": "nnmass.audit._bits._trojan_row",
    "UNREACHABLE": "nnmass.audit._bits._need",
    "VoteTable": "nnmass.audit._patch._votes",
    "adapt_stem": "nnmass.audit._patch._stem",
    "attack_patches": "nnmass.audit._patch._attack",
    "bit_trojan": "nnmass.audit._bits._bit_audit",
    "certify_patches": "nnmass.audit._patch._patch_audit",
    "certify_votes": "nnmass.audit._patch._patch_audit",
    "collect_votes": "nnmass.audit._patch._collect",
    "count_flips": "nnmass.audit._bits._flips",
    "encode": "nnmass.audit._patch._encode",
    "flips_needed": "nnmass.audit._bits._need",
    "floor_of": "nnmass.audit._bits._need",
    "load_smoothed": "nnmass.audit._patch._files",
    "parse_ablation": "nnmass.audit._patch._ablation",
    "quantised_layer": "nnmass.audit._bits._last_layer",
    "read_votes": "nnmass.audit._patch._votes",
    "recheck": "nnmass.audit._patch._certificate",
    "save_smoothed": "nnmass.audit._patch._files",
    "save_votes": "nnmass.audit._patch._votes",
    "train_smoothed": "nnmass.audit._patch._training",
    "with_normalisation": "nnmass.audit._images",
}

__getattr__ = lazy_names(__name__, _SOURCES)
