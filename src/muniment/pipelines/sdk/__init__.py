"""The SageMaker SDK, either generation: the only place that imports it.

    names      where things are, in version 2 and in version 3
    session    a session without AWS
    steps      our jobs as the SDK's steps
    images     SageMaker's own container images

Both generations are called `sagemaker`, so one environment holds one of them.
"""
