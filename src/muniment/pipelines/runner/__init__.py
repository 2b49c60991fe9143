"""The local runner: a compiled pipeline, executed here. No AWS, no docker.

    from muniment.pipelines.runner import run_pipeline

    run = run_pipeline(pipeline.definition(), "work", name="fraud")
    run.check()                                     # raises, with the end of the log, if it failed
    run["register"].outputs["registered_model"]     # a folder

What it makes stands below the working directory:

    s3/BUCKET/KEY                              S3, unless an endpoint is named
    executions/ID/STEP/log.txt                 what the step said
    executions/ID/STEP/opt/ml/…                what the step saw as /opt/ml
    executions/ID/execution.json               what became of each step
"""

from muniment.pipelines.runner.definition import Definition, Step
from muniment.pipelines.runner.objects import FolderObjects, Objects, S3Objects
from muniment.pipelines.runner.run import run_pipeline
from muniment.pipelines.runner.story import PipelineFailed, PipelineRun, StepRun, StepStatus

__all__ = [
    "Definition",
    "FolderObjects",
    "Objects",
    "PipelineFailed",
    "PipelineRun",
    "S3Objects",
    "Step",
    "StepRun",
    "StepStatus",
    "run_pipeline",
]
