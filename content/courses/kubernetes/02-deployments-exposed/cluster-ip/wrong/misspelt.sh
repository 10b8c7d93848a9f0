# step: mend
# check: endpoints
# message: The Service shop selects app=shopp, and no Pod carries that
kubectl set selector service shop app=shopp
