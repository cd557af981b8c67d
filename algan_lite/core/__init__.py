"""What every room stands on, and what knows nothing of GANs: checks, randomness, files, progress.

In: values of users, seeds, paths. Out: checked values or an error that names the argument, draws from explicit streams,
files that are whole or not there. Any room may call; this one imports none.
"""
