"""Tables for the terminal, SVG drawings, and one self-contained HTML file. Knows no training."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.report._numbers import format_count as format_count
from nnmass.report._numbers import format_density as format_density
from nnmass.report._numbers import format_mass as format_mass
from nnmass.report._numbers import format_percent as format_percent
from nnmass.report._numbers import format_spread as format_spread
from nnmass.report._table import Column as Column
from nnmass.report._table import Table as Table

if TYPE_CHECKING:
    from nnmass.report._arcs import arc_diagram as arc_diagram
    from nnmass.report._cell_drawing import CellDrawing as CellDrawing
    from nnmass.report._cell_drawing import cell_drawing as cell_drawing
    from nnmass.report._cell_drawing import cell_remarks as cell_remarks
    from nnmass.report._cell_groups import CellGroup as CellGroup
    from nnmass.report._cell_groups import cell_groups as cell_groups
    from nnmass.report._curves import Series as Series
    from nnmass.report._curves import curves as curves
    from nnmass.report._document import Figure as Figure
    from nnmass.report._document import Report as Report
    from nnmass.report._document import Section as Section
    from nnmass.report._equal_mass import equal_mass_table as equal_mass_table
    from nnmass.report._equal_mass import report_equal_mass as report_equal_mass
    from nnmass.report._flow import flow_figure as flow_figure
    from nnmass.report._flow import flow_table as flow_table
    from nnmass.report._html import render_html as render_html
    from nnmass.report._html import write_report as write_report
    from nnmass.report._latency import latency_table as latency_table
    from nnmass.report._mass_theory import mass_theory_figure as mass_theory_figure
    from nnmass.report._proxies import proxy_table as proxy_table
    from nnmass.report._scatter import Point as Point
    from nnmass.report._scatter import scatter as scatter
    from nnmass.report._terminal import render_table as render_table
    from nnmass.report._theory import theory_figure as theory_figure
    from nnmass.report._theory import theory_section as theory_section
    from nnmass.report._theory_tables import cell_theory_table as cell_theory_table
    from nnmass.report._theory_tables import theory_table as theory_table
    from nnmass.report._topology import topology_diagram as topology_diagram

__getattr__ = lazy_names(
    __name__,
    {
        "CellDrawing": "nnmass.report._cell_drawing",
        "CellGroup": "nnmass.report._cell_groups",
        "Figure": "nnmass.report._document",
        "Point": "nnmass.report._scatter",
        "Report": "nnmass.report._document",
        "Section": "nnmass.report._document",
        "Series": "nnmass.report._curves",
        "arc_diagram": "nnmass.report._arcs",
        "cell_drawing": "nnmass.report._cell_drawing",
        "cell_groups": "nnmass.report._cell_groups",
        "cell_remarks": "nnmass.report._cell_drawing",
        "cell_theory_table": "nnmass.report._theory_tables",
        "curves": "nnmass.report._curves",
        "equal_mass_table": "nnmass.report._equal_mass",
        "mass_theory_figure": "nnmass.report._mass_theory",
        "flow_figure": "nnmass.report._flow",
        "flow_table": "nnmass.report._flow",
        "latency_table": "nnmass.report._latency",
        "proxy_table": "nnmass.report._proxies",
        "render_html": "nnmass.report._html",
        "render_table": "nnmass.report._terminal",
        "report_equal_mass": "nnmass.report._equal_mass",
        "scatter": "nnmass.report._scatter",
        "theory_figure": "nnmass.report._theory",
        "theory_section": "nnmass.report._theory",
        "theory_table": "nnmass.report._theory_tables",
        "topology_diagram": "nnmass.report._topology",
        "write_report": "nnmass.report._html",
    },
)
