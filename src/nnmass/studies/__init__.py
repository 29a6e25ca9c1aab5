"""Studies: many trainings, resumable; and the statistics of what they show."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.studies._accuracy_model import AccuracyModel as AccuracyModel
    from nnmass.studies._bootstrap import Interval as Interval
    from nnmass.studies._bootstrap import RankCorrelation as RankCorrelation
    from nnmass.studies._bootstrap import bootstrap_difference as bootstrap_difference
    from nnmass.studies._bootstrap import bootstrap_interval as bootstrap_interval
    from nnmass.studies._bootstrap import rank_correlation as rank_correlation
    from nnmass.studies._check_study import StudyPlan as StudyPlan
    from nnmass.studies._check_study import check_study as check_study
    from nnmass.studies._engine import Engine as Engine
    from nnmass.studies._engine import JobContext as JobContext
    from nnmass.studies._engine import JobEnded as JobEnded
    from nnmass.studies._engine import JobLost as JobLost
    from nnmass.studies._engine import JobStarted as JobStarted
    from nnmass.studies._engine import TrialEnded as TrialEnded
    from nnmass.studies._equal_mass import EQUAL_MARGIN as EQUAL_MARGIN
    from nnmass.studies._equal_mass import Arm as Arm
    from nnmass.studies._equal_mass import ArmResult as ArmResult
    from nnmass.studies._equal_mass import EqualMassResult as EqualMassResult
    from nnmass.studies._equal_mass import plan_equal_mass as plan_equal_mass
    from nnmass.studies._equal_mass import run_equal_mass as run_equal_mass
    from nnmass.studies._equal_mass_groups import EQUAL_MASS as EQUAL_MASS
    from nnmass.studies._equal_mass_groups import EqualMassGroup as EqualMassGroup
    from nnmass.studies._equal_mass_groups import equal_mass_groups as equal_mass_groups
    from nnmass.studies._exports import EXPORTS as EXPORTS
    from nnmass.studies._exports import export_study as export_study
    from nnmass.studies._exports import export_text as export_text
    from nnmass.studies._imagenet import imagenet_predictor as imagenet_predictor
    from nnmass.studies._job import Job as Job
    from nnmass.studies._job import jobs_of as jobs_of
    from nnmass.studies._local_engine import LocalEngine as LocalEngine
    from nnmass.studies._make_engine import make_engine as make_engine
    from nnmass.studies._measure_terms import Measure as Measure
    from nnmass.studies._measure_terms import TermsFit as TermsFit
    from nnmass.studies._model_file import load_fit as load_fit
    from nnmass.studies._network_features import network_features as network_features
    from nnmass.studies._network_predictor import NetworkPredictor as NetworkPredictor
    from nnmass.studies._r_squared import LineFit as LineFit
    from nnmass.studies._r_squared import line_fit as line_fit
    from nnmass.studies._r_squared import r_squared as r_squared
    from nnmass.studies._rank_correlation import kendall as kendall
    from nnmass.studies._rank_correlation import spearman as spearman
    from nnmass.studies._ray_engine import RayEngine as RayEngine
    from nnmass.studies._run_job import run_job as run_job
    from nnmass.studies._run_study import ResultUnwritten as ResultUnwritten
    from nnmass.studies._run_study import StudyEvent as StudyEvent
    from nnmass.studies._run_study import StudyStarted as StudyStarted
    from nnmass.studies._run_study import default_folder as default_folder
    from nnmass.studies._run_study import resume_study as resume_study
    from nnmass.studies._run_study import run_study as run_study
    from nnmass.studies._run_study import study_of as study_of
    from nnmass.studies._study import EngineSettings as EngineSettings
    from nnmass.studies._study import MeasureSettings as MeasureSettings
    from nnmass.studies._study import Study as Study
    from nnmass.studies._study_file import parse_study as parse_study
    from nnmass.studies._study_file import read_study_file as read_study_file
    from nnmass.studies._study_fit import StudyFit as StudyFit
    from nnmass.studies._study_fit import fit_accuracy as fit_accuracy
    from nnmass.studies._study_table import StudyTable as StudyTable
    from nnmass.studies._study_table import read_study_table as read_study_table
    from nnmass.studies._study_table import study_table as study_table
    from nnmass.studies._summary import NetworkSummary as NetworkSummary
    from nnmass.studies._summary import summarise as summarise
    from nnmass.studies._terms import read_terms as read_terms
    from nnmass.studies._time_left import TimeLeft as TimeLeft
    from nnmass.studies._time_left import time_left as time_left

__getattr__ = lazy_names(
    __name__,
    {
        "AccuracyModel": "nnmass.studies._accuracy_model",
        "Arm": "nnmass.studies._equal_mass",
        "ArmResult": "nnmass.studies._equal_mass",
        "EQUAL_MARGIN": "nnmass.studies._equal_mass",
        "EQUAL_MASS": "nnmass.studies._equal_mass_groups",
        "EXPORTS": "nnmass.studies._exports",
        "Engine": "nnmass.studies._engine",
        "EngineSettings": "nnmass.studies._study",
        "EqualMassGroup": "nnmass.studies._equal_mass_groups",
        "EqualMassResult": "nnmass.studies._equal_mass",
        "Interval": "nnmass.studies._bootstrap",
        "Job": "nnmass.studies._job",
        "JobContext": "nnmass.studies._engine",
        "JobEnded": "nnmass.studies._engine",
        "JobLost": "nnmass.studies._engine",
        "JobStarted": "nnmass.studies._engine",
        "LineFit": "nnmass.studies._r_squared",
        "LocalEngine": "nnmass.studies._local_engine",
        "Measure": "nnmass.studies._measure_terms",
        "MeasureSettings": "nnmass.studies._study",
        "NetworkPredictor": "nnmass.studies._network_predictor",
        "NetworkSummary": "nnmass.studies._summary",
        "RankCorrelation": "nnmass.studies._bootstrap",
        "RayEngine": "nnmass.studies._ray_engine",
        "ResultUnwritten": "nnmass.studies._run_study",
        "Study": "nnmass.studies._study",
        "StudyEvent": "nnmass.studies._run_study",
        "StudyFit": "nnmass.studies._study_fit",
        "StudyPlan": "nnmass.studies._check_study",
        "StudyStarted": "nnmass.studies._run_study",
        "StudyTable": "nnmass.studies._study_table",
        "TermsFit": "nnmass.studies._measure_terms",
        "TimeLeft": "nnmass.studies._time_left",
        "TrialEnded": "nnmass.studies._engine",
        "bootstrap_difference": "nnmass.studies._bootstrap",
        "bootstrap_interval": "nnmass.studies._bootstrap",
        "check_study": "nnmass.studies._check_study",
        "default_folder": "nnmass.studies._run_study",
        "equal_mass_groups": "nnmass.studies._equal_mass_groups",
        "export_study": "nnmass.studies._exports",
        "export_text": "nnmass.studies._exports",
        "fit_accuracy": "nnmass.studies._study_fit",
        "imagenet_predictor": "nnmass.studies._imagenet",
        "jobs_of": "nnmass.studies._job",
        "kendall": "nnmass.studies._rank_correlation",
        "line_fit": "nnmass.studies._r_squared",
        "load_fit": "nnmass.studies._model_file",
        "make_engine": "nnmass.studies._make_engine",
        "network_features": "nnmass.studies._network_features",
        "parse_study": "nnmass.studies._study_file",
        "plan_equal_mass": "nnmass.studies._equal_mass",
        "r_squared": "nnmass.studies._r_squared",
        "rank_correlation": "nnmass.studies._bootstrap",
        "read_study_file": "nnmass.studies._study_file",
        "read_study_table": "nnmass.studies._study_table",
        "read_terms": "nnmass.studies._terms",
        "resume_study": "nnmass.studies._run_study",
        "run_equal_mass": "nnmass.studies._equal_mass",
        "run_job": "nnmass.studies._run_job",
        "run_study": "nnmass.studies._run_study",
        "spearman": "nnmass.studies._rank_correlation",
        "study_of": "nnmass.studies._run_study",
        "study_table": "nnmass.studies._study_table",
        "summarise": "nnmass.studies._summary",
        "time_left": "nnmass.studies._time_left",
    },
)
