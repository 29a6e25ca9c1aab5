"""Tables for the terminal, SVG drawings, and one self-contained HTML file. Knows no training."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.report._numbers import format_bytes as format_bytes
from nnmass.report._numbers import format_count as format_count
from nnmass.report._numbers import format_density as format_density
from nnmass.report._numbers import format_digits as format_digits
from nnmass.report._numbers import format_mass as format_mass
from nnmass.report._numbers import format_percent as format_percent
from nnmass.report._numbers import format_spread as format_spread
from nnmass.report._table import Column as Column
from nnmass.report._table import Table as Table

if TYPE_CHECKING:
    from nnmass.report._arcs import arc_diagram as arc_diagram
    from nnmass.report._bits_page import bits_figure as bits_figure
    from nnmass.report._bits_page import bits_line as bits_line
    from nnmass.report._bits_page import mitigations_figure as mitigations_figure
    from nnmass.report._bits_page import report_bits as report_bits
    from nnmass.report._bits_tables import bits_table as bits_table
    from nnmass.report._bits_tables import emulated_table as emulated_table
    from nnmass.report._bits_tables import mitigations_table as mitigations_table
    from nnmass.report._cell_drawing import CellDrawing as CellDrawing
    from nnmass.report._cell_drawing import cell_drawing as cell_drawing
    from nnmass.report._cell_drawing import cell_remarks as cell_remarks
    from nnmass.report._cell_groups import CellGroup as CellGroup
    from nnmass.report._cell_groups import cell_groups as cell_groups
    from nnmass.report._chart import Chart as Chart
    from nnmass.report._chart import Trace as Trace
    from nnmass.report._curves import Series as Series
    from nnmass.report._curves import curves as curves
    from nnmass.report._design_names import are_short as are_short
    from nnmass.report._design_names import network_names as network_names
    from nnmass.report._design_page import report_design as report_design
    from nnmass.report._design_table import design_table as design_table
    from nnmass.report._design_table import flag_lines as flag_lines
    from nnmass.report._design_table import front_table as front_table
    from nnmass.report._design_words import design_claim as design_claim
    from nnmass.report._design_words import design_limits as design_limits
    from nnmass.report._design_words import front_claim as front_claim
    from nnmass.report._design_words import front_limits as front_limits
    from nnmass.report._design_words import latency_line as latency_line
    from nnmass.report._document import Figure as Figure
    from nnmass.report._document import Report as Report
    from nnmass.report._document import Section as Section
    from nnmass.report._documents._read import report_of as report_of
    from nnmass.report._equal_groups_table import equal_mass_groups_of as equal_mass_groups_of
    from nnmass.report._equal_groups_table import equal_mass_groups_table as equal_mass_groups_table
    from nnmass.report._equal_groups_table import equal_mass_line as equal_mass_line
    from nnmass.report._equal_mass import equal_mass_table as equal_mass_table
    from nnmass.report._equal_mass import report_equal_mass as report_equal_mass
    from nnmass.report._explorer._app import explorer_app as explorer_app
    from nnmass.report._explorer._serve import serve as serve
    from nnmass.report._explorer._studies import Studies as Studies
    from nnmass.report._figures import curves_figure as curves_figure
    from nnmass.report._figures import ranges_figure as ranges_figure
    from nnmass.report._figures import scatter_figure as scatter_figure
    from nnmass.report._fit_tables import fit_tables as fit_tables
    from nnmass.report._fit_tables import terms_table as terms_table
    from nnmass.report._flow import flow_figure as flow_figure
    from nnmass.report._flow import flow_table as flow_table
    from nnmass.report._html import render_html as render_html
    from nnmass.report._html import write_report as write_report
    from nnmass.report._image_grid import Tile as Tile
    from nnmass.report._image_grid import image_grid as image_grid
    from nnmass.report._inspect_page import report_inspections as report_inspections
    from nnmass.report._latency import latency_table as latency_table
    from nnmass.report._ldi_against import fit_line as fit_line
    from nnmass.report._ldi_against import ldi_against as ldi_against
    from nnmass.report._ldi_against import ldi_against_figure as ldi_against_figure
    from nnmass.report._ldi_against import ldi_fits as ldi_fits
    from nnmass.report._ldi_figure import ldi_figure as ldi_figure
    from nnmass.report._ldi_table import ldi_line as ldi_line
    from nnmass.report._ldi_table import ldi_table as ldi_table
    from nnmass.report._levels import levels_table as levels_table
    from nnmass.report._levels import report_levels as report_levels
    from nnmass.report._mass_theory import mass_theory_figure as mass_theory_figure
    from nnmass.report._pareto import pareto_figure as pareto_figure
    from nnmass.report._patch_page import attack_line as attack_line
    from nnmass.report._patch_page import patch_curve as patch_curve
    from nnmass.report._patch_page import patch_images as patch_images
    from nnmass.report._patch_page import patch_line as patch_line
    from nnmass.report._patch_page import patch_table as patch_table
    from nnmass.report._patch_page import report_patches as report_patches
    from nnmass.report._pattern_figure import pattern_figure as pattern_figure
    from nnmass.report._png import png_uri as png_uri
    from nnmass.report._predictions_table import extrapolation_lines as extrapolation_lines
    from nnmass.report._predictions_table import predictions_table as predictions_table
    from nnmass.report._probe_view import ProbeView as ProbeView
    from nnmass.report._probe_view import probe_views as probe_views
    from nnmass.report._probes_page import report_probes as report_probes
    from nnmass.report._probes_table import baselines_table as baselines_table
    from nnmass.report._probes_table import probes_table as probes_table
    from nnmass.report._probes_table import verdicts_table as verdicts_table
    from nnmass.report._proxies import proxy_table as proxy_table
    from nnmass.report._ranges import Range as Range
    from nnmass.report._ranges import ranges as ranges
    from nnmass.report._scatter import Point as Point
    from nnmass.report._scatter import scatter as scatter
    from nnmass.report._sparse_page import report_sparse as report_sparse
    from nnmass.report._sparse_page import sparse_table as sparse_table
    from nnmass.report._spec_arcs import spec_arcs as spec_arcs
    from nnmass.report._spec_tables import spec_cells_table as spec_cells_table
    from nnmass.report._spec_tables import spec_table as spec_table
    from nnmass.report._study_page import accuracy_figures as accuracy_figures
    from nnmass.report._study_page import report_study as report_study
    from nnmass.report._study_tables import study_networks_table as study_networks_table
    from nnmass.report._terminal import render_table as render_table
    from nnmass.report._theory import theory_figure as theory_figure
    from nnmass.report._theory import theory_section as theory_section
    from nnmass.report._theory_tables import cell_theory_table as cell_theory_table
    from nnmass.report._theory_tables import theory_table as theory_table
    from nnmass.report._topology import topology_diagram as topology_diagram
    from nnmass.report._topology_tables import cell_flags as cell_flags
    from nnmass.report._topology_tables import cells_table as cells_table
    from nnmass.report._topology_tables import topologies_table as topologies_table
    from nnmass.report._training_page import record_table as record_table
    from nnmass.report._training_page import report_training as report_training

__getattr__ = lazy_names(
    __name__,
    {
        "CellDrawing": "nnmass.report._cell_drawing",
        "CellGroup": "nnmass.report._cell_groups",
        "Chart": "nnmass.report._chart",
        "Figure": "nnmass.report._document",
        "Point": "nnmass.report._scatter",
        "ProbeView": "nnmass.report._probe_view",
        "Range": "nnmass.report._ranges",
        "Report": "nnmass.report._document",
        "Section": "nnmass.report._document",
        "Series": "nnmass.report._curves",
        "Studies": "nnmass.report._explorer._studies",
        "Tile": "nnmass.report._image_grid",
        "Trace": "nnmass.report._chart",
        "accuracy_figures": "nnmass.report._study_page",
        "arc_diagram": "nnmass.report._arcs",
        "are_short": "nnmass.report._design_names",
        "attack_line": "nnmass.report._patch_page",
        "baselines_table": "nnmass.report._probes_table",
        "bits_figure": "nnmass.report._bits_page",
        "bits_line": "nnmass.report._bits_page",
        "bits_table": "nnmass.report._bits_tables",
        "cell_drawing": "nnmass.report._cell_drawing",
        "cell_flags": "nnmass.report._topology_tables",
        "cell_groups": "nnmass.report._cell_groups",
        "cell_remarks": "nnmass.report._cell_drawing",
        "cell_theory_table": "nnmass.report._theory_tables",
        "cells_table": "nnmass.report._topology_tables",
        "curves": "nnmass.report._curves",
        "curves_figure": "nnmass.report._figures",
        "design_claim": "nnmass.report._design_words",
        "design_limits": "nnmass.report._design_words",
        "design_table": "nnmass.report._design_table",
        "emulated_table": "nnmass.report._bits_tables",
        "equal_mass_groups_of": "nnmass.report._equal_groups_table",
        "equal_mass_groups_table": "nnmass.report._equal_groups_table",
        "equal_mass_line": "nnmass.report._equal_groups_table",
        "equal_mass_table": "nnmass.report._equal_mass",
        "explorer_app": "nnmass.report._explorer._app",
        "extrapolation_lines": "nnmass.report._predictions_table",
        "fit_line": "nnmass.report._ldi_against",
        "fit_tables": "nnmass.report._fit_tables",
        "flag_lines": "nnmass.report._design_table",
        "flow_figure": "nnmass.report._flow",
        "flow_table": "nnmass.report._flow",
        "front_claim": "nnmass.report._design_words",
        "front_limits": "nnmass.report._design_words",
        "front_table": "nnmass.report._design_table",
        "image_grid": "nnmass.report._image_grid",
        "latency_line": "nnmass.report._design_words",
        "latency_table": "nnmass.report._latency",
        "ldi_against": "nnmass.report._ldi_against",
        "ldi_against_figure": "nnmass.report._ldi_against",
        "ldi_figure": "nnmass.report._ldi_figure",
        "ldi_fits": "nnmass.report._ldi_against",
        "ldi_line": "nnmass.report._ldi_table",
        "ldi_table": "nnmass.report._ldi_table",
        "levels_table": "nnmass.report._levels",
        "mass_theory_figure": "nnmass.report._mass_theory",
        "mitigations_figure": "nnmass.report._bits_page",
        "mitigations_table": "nnmass.report._bits_tables",
        "network_names": "nnmass.report._design_names",
        "pareto_figure": "nnmass.report._pareto",
        "patch_curve": "nnmass.report._patch_page",
        "patch_images": "nnmass.report._patch_page",
        "patch_line": "nnmass.report._patch_page",
        "patch_table": "nnmass.report._patch_page",
        "pattern_figure": "nnmass.report._pattern_figure",
        "png_uri": "nnmass.report._png",
        "predictions_table": "nnmass.report._predictions_table",
        "probe_views": "nnmass.report._probe_view",
        "probes_table": "nnmass.report._probes_table",
        "proxy_table": "nnmass.report._proxies",
        "ranges": "nnmass.report._ranges",
        "ranges_figure": "nnmass.report._figures",
        "record_table": "nnmass.report._training_page",
        "render_html": "nnmass.report._html",
        "render_table": "nnmass.report._terminal",
        "report_bits": "nnmass.report._bits_page",
        "report_design": "nnmass.report._design_page",
        "report_equal_mass": "nnmass.report._equal_mass",
        "report_inspections": "nnmass.report._inspect_page",
        "report_levels": "nnmass.report._levels",
        "report_of": "nnmass.report._documents._read",
        "report_patches": "nnmass.report._patch_page",
        "report_probes": "nnmass.report._probes_page",
        "report_sparse": "nnmass.report._sparse_page",
        "report_study": "nnmass.report._study_page",
        "report_training": "nnmass.report._training_page",
        "scatter": "nnmass.report._scatter",
        "scatter_figure": "nnmass.report._figures",
        "serve": "nnmass.report._explorer._serve",
        "sparse_table": "nnmass.report._sparse_page",
        "spec_arcs": "nnmass.report._spec_arcs",
        "spec_cells_table": "nnmass.report._spec_tables",
        "spec_table": "nnmass.report._spec_tables",
        "study_networks_table": "nnmass.report._study_tables",
        "terms_table": "nnmass.report._fit_tables",
        "theory_figure": "nnmass.report._theory",
        "theory_section": "nnmass.report._theory",
        "theory_table": "nnmass.report._theory_tables",
        "topologies_table": "nnmass.report._topology_tables",
        "topology_diagram": "nnmass.report._topology",
        "verdicts_table": "nnmass.report._probes_table",
        "write_report": "nnmass.report._html",
    },
)
