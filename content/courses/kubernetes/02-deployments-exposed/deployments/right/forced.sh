# after: mark
# step: heal
kubectl delete "$(kubectl get pods --selector app=web -o name | tail -n 1)" --grace-period=0 --force
