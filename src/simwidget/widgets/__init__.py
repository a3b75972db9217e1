"""The widgets; the only package that imports ipywidgets, anywidget or bqplot."""
