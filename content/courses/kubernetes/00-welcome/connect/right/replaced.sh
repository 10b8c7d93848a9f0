# after: ask
# step: change
kubectl get configmap notes -o yaml > notes.yaml
sed -i 's/^data:$/data:\n  dns: "kube-system "/' notes.yaml
kubectl replace -f notes.yaml
