# step: mend
# check: endpoints
# message: The Service shop selects app=hello, and those Pods do not belong to the shop
kubectl set selector service shop app=hello
