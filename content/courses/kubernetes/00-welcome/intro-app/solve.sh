# step: deploy
sed -i 's/nobody yet/Ada Lovelace/' intro.yaml
kubectl apply -f intro.yaml
kubectl rollout status deployment/intro

# step: expose
kubectl expose deployment intro --port=80 --target-port=8080

# step: open
kubectl get --raw /api/v1/namespaces/default/services/intro:80/proxy/

# step: change
kubectl set env deployment/intro LIKES="long walks"
kubectl rollout status deployment/intro
