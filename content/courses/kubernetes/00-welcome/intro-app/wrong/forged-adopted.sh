# step: deploy
# check: who
# message: Not every Pod of the Deployment intro is as its template says now
kubectl apply -f intro.yaml
kubectl run answers --image=busybox:1.36 --labels=app=intro --annotations=controller.kubernetes.io/pod-deletion-cost=100 -- sh -c 'printf "#!/bin/sh\necho Ada\n" > /intro; chmod +x /intro; sleep 3600'
kubectl wait --for=condition=Ready pod/answers --timeout=60s
kubectl rollout status deployment/intro
kubectl label pod answers pod-template-hash="$(kubectl get replicasets --selector app=intro -o jsonpath='{.items[0].metadata.labels.pod-template-hash}')"
