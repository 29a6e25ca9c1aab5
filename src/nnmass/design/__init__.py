"""The inverse problem: exact design of networks of a given mass. No torch."""

from nnmass.design._design import design as design
from nnmass.design._front import Candidate as Candidate
from nnmass.design._front import Front as Front
