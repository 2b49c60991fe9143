"""The scripts of the steps that come along: what runs in the containers.

Each is a program of its own, `python -m muniment.pipelines.scripts.packaging`, and a file of its
own: a container gets that one file, and has no Muniment in it unless the script says so
(registration does). They need the standard library, and besides

    data_loading        boto3, for S3 only
    preprocessing       pandas, scikit-learn
    xgboost_training    pandas, scikit-learn, xgboost
    packaging, payload  nothing
    registration        boto3, muniment

They read and write below /opt/ml, as their contracts in `muniment.pipelines.steps` say; where
nothing can be mounted there, MUNIMENT_OPT_ML names the folder that is meant. All end with

    0  done
    1  what was given is not as it must be; nothing was written that counts
    2  called wrongly: an argument or a variable is missing or makes no sense
    3  registration only: part of it is done, and said; run it again to complete it

and say on standard error what was wrong, in one line.
"""
