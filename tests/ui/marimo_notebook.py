"""A gallery as a user of marimo shows it; marimo.spec.ts runs copies of this notebook in marimo's editor."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    import simwidget as sw

    here = mo.notebook_dir()
    project = sw.Project.from_folder(
        here / "../data/photos", project_dir=here / "project", embedder="perceptual", progress=False
    )
    return mo, project, sw


@app.cell
def _(project, sw):
    gallery = sw.Gallery(project)
    gallery
    return (gallery,)


@app.cell
def _(mo):
    read = mo.ui.run_button(label="Read the selection")
    read
    return (read,)


@app.cell
def _(gallery, mo, project, read):
    read.value
    mo.plain_text("Selected: " + ", ".join(project.path(item).name for item in gallery.session.selected_ids))
    return


if __name__ == "__main__":
    app.run()
