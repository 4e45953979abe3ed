"""The workbook of a run: what goes on which of its sheets. How a cell is written, `edge.workbooks` knows."""
