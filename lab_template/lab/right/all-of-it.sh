# after: settings
# step: deployment
kubectl apply -f - <<'MANIFEST'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: server
        image: nginx:1.27
        envFrom:
        - configMapRef: {name: settings}
MANIFEST
