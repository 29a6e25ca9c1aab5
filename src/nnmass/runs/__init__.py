"""Run records, the store of studies, and files that survive a kill. No torch."""

from nnmass.runs._atomic import write_atomic as write_atomic
from nnmass.runs._machine import Machine as Machine
from nnmass.runs._machine import this_machine as this_machine
from nnmass.runs._record import CURVE_FILE as CURVE_FILE
from nnmass.runs._record import RUN_FILE as RUN_FILE
from nnmass.runs._record import RunRecord as RunRecord
from nnmass.runs._record import environment as environment
from nnmass.runs._record import read_record as read_record
from nnmass.runs._record import write_curve as write_curve
from nnmass.runs._record import write_record as write_record
from nnmass.runs._store import STUDY_FILE as STUDY_FILE
from nnmass.runs._store import StudyStore as StudyStore
from nnmass.runs._store_schema import STORE_FILE as STORE_FILE
from nnmass.runs._stored_study import StoredStudy as StoredStudy
from nnmass.runs._stored_study import read_study as read_study
from nnmass.runs._trial import TRIAL_COLUMNS as TRIAL_COLUMNS
from nnmass.runs._trial import Trial as Trial
from nnmass.runs._trial import TrialResult as TrialResult
