{{- define "headrace.labels" -}}
app.kubernetes.io/name: headrace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "headrace.selector" -}}
app.kubernetes.io/name: headrace
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "headrace.image" -}}
{{ required "image.repository is the image of your project: build it with deploy/docker/Dockerfile" .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "headrace.security" -}}
runAsNonRoot: true
runAsUser: 1000
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: ["ALL"] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* The keys lie in the directory of the environment, which is a volume. The Secret is taken at each start: a key that was revoked stays revoked. */}}
{{- define "headrace.keys" -}}
- name: keys
  image: {{ include "headrace.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [keys, import, /keys/keys.json, --env={{ .Values.environment }}]
  securityContext: {{- include "headrace.security" . | nindent 4 }}
  {{- with .Values.secretEnv }}
  envFrom:
    {{- range . }}
    - secretRef: { name: {{ . }} }
    {{- end }}
  {{- end }}
  volumeMounts:
    - { name: keys, mountPath: /keys, readOnly: true }
    - { name: data, mountPath: /data }
    - { name: tmp, mountPath: /tmp }
{{- end }}

{{/* No process of a pod calls the API of the cluster. */}}
{{- define "headrace.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: { fsGroup: 1000 }
{{- end }}

{{- define "headrace.container" -}}
image: {{ include "headrace.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- include "headrace.security" . | nindent 2 }}
ports:
  - { name: http, containerPort: 8080 }
{{- with .Values.secretEnv }}
envFrom:
  {{- range . }}
  - secretRef: { name: {{ . }} }
  {{- end }}
{{- end }}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 2
  failureThreshold: 300
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
volumeMounts:
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}
