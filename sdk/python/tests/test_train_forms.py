"""Other models than scikit-learn's and other sources than Parquet, against a real MLflow server."""

from __future__ import annotations

import sqlite3

from tests.support.jobs import FEATURES, Bench, sample_rows

CODE_MODEL = """
    import json
    from modelyard import CodeModel

    def train(features, labels, params):
        path = params["weights"]
        json.dump({"w": 0.25}, open(path, "w"))
        return CodeModel("mine.py", artifacts={"weights": path}, code=["helper.py"])
"""
MINE = """
    import json
    import mlflow
    from helper import flat

    class Mine(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            self.w = json.load(open(context.artifacts["weights"]))["w"]
        def predict(self, context, model_input, params=None):
            return flat(self.w, model_input)

    mlflow.models.set_model(Mine())
"""
HELPER = "def flat(w, rows):\n    return [w] * len(rows)\n"


def test_a_code_model_is_stored_as_code_and_scored(bench: Bench) -> None:
    code = bench.pack(CODE_MODEL, **{"mine.py": MINE, "helper.py": HELPER})
    document = bench.train_document(code, params={"weights": str(bench.folder / "w.json")})
    outcome = bench.run(document)
    assert outcome.code == 0, outcome.failure
    assert outcome.result["model"]["format"] == "pyfunc"
    names = [file["path"] for file in outcome.result["model"]["files"]]
    assert not [name for name in names if name.endswith(".pkl")]
    evaluated = bench.run(bench.evaluate_document(document, outcome.result))
    assert evaluated.code == 0, evaluated.failure
    [mean] = [row for row in evaluated.result["metrics"] if row["name"] == "mean_score"]
    assert mean["candidate"] == 0.25


def test_sql_is_read_with_text_timestamps(bench: Bench) -> None:
    rows = sample_rows()
    with sqlite3.connect(bench.folder / "rows.db") as connection:
        rows.assign(at=rows["at"].astype(str)).to_sql("flights", connection, index=False)
    data = {
        "kind": "sql",
        "connection": f"sqlite:///{bench.folder}/rows.db",
        "query": "select * from flights",
        "timeColumn": "at",
    }
    outcome = bench.run(bench.train_document(data=data))
    assert outcome.code == 0, outcome.failure
    assert outcome.result["rows"]["train"] == 460 and outcome.result["features"] == FEATURES
