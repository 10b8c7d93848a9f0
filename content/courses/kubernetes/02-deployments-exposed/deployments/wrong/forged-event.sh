# after: mark
# step: heal
# check: replaced
# message: A Pod of the Deployment web has no mark, but none was stopped when it was made
pod=$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')
made=$(kubectl get pod "$pod" -o jsonpath='{.metadata.creationTimestamp}')
kubectl label pod "$pod" batch-
kubectl create -f - <<< '{"apiVersion": "v1", "kind": "Event", "metadata": {"name": "stopped"}, "reason": "Killing", "type": "Normal", "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "'"${pod%-*}"'-zzzzz"}, "source": {"component": "kubelet"}, "firstTimestamp": "'"$made"'", "lastTimestamp": "'"$made"'"}'
