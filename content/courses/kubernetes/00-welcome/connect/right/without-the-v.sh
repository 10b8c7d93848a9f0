# step: ask
version=$(kubectl version -o json | grep -A9 serverVersion | sed -n 's/.*"gitVersion": "v\(.*\)".*/\1/p')
kubectl apply -f - <<< '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": {"version": "'"$version"'"}}'
