# after: mark
# step: heal
kubectl delete pods --selector app=web --wait=false
