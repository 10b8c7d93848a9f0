# after: run
# step: delete
# check: gone
# message: still there
:
