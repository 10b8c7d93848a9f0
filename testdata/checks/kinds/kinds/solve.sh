# step: serve
kubectl create deployment web --image=nginx:1.27 --replicas=2
kubectl create service clusterip web --tcp=80
kubectl patch service web --type=json --patch='[{"op": "replace", "path": "/spec/ports/0/name", "value": "http"}]'
kubectl rollout status deployment/web

# step: outside
kubectl patch service web --patch='{"spec": {"type": "NodePort"}}'

# step: talk
kubectl run talk --image=busybox:1.36 -- sh -c 'echo hello; exec sleep 3600'
kubectl wait pod/talk --for=condition=Ready --timeout=60s
kubectl exec talk -- sh -c 'echo hello > /tmp/greeting'

# step: allow
kubectl create serviceaccount robot
kubectl create role reader --verb=list --resource=pods
kubectl create rolebinding reads --role=reader --serviceaccount=default:robot

# step: note
(umask 077; echo {{variables.word}} > notes.txt)
kubectl create namespace quiet

# step: flash
kubectl create configmap flash --from-literal=light=on
kubectl wait configmap/flash --for=jsonpath='{.data.light}'=on
sleep 1
kubectl delete configmap flash
kubectl create configmap after --from-literal=light=off

# step: tell
kubectl get nodes
# answer nodes: 1 node
# answer colour: Deployment

# step: update
kubectl scale deployment web --replicas={{variables.replicas}}
kubectl patch deployment web --patch='{"spec": {"minReadySeconds": 1, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}}'
kubectl rollout status deployment/web
kubectl set image deployment/web nginx=nginx:1.28
kubectl rollout status deployment/web
