# step: deploy
sed -i 's/nobody yet/Ada/; s/replicas: 1/replicas: 2/' intro.yaml
kubectl apply --server-side -f intro.yaml
