# step: mend
# check: endpoints
# message: The Service shop selects app=shop-2, and those Pods do not belong to the shop
kubectl run shop-2 --image=nginx:1.27 --labels=app=shop-2
kubectl set selector service shop app=shop-2
