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
{{ required "image.repository is the image of your project: build it with deploy/docker/Dockerfile" .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "headrace.security" -}}
runAsNonRoot: true
runAsUser: 1000
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: ["ALL"] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* The keys lie in the directory of the environment, which is a volume; the Secret is copied there at each start. */}}
{{- define "headrace.keys" -}}
- name: keys
  image: {{ include "headrace.image" . }}
  command: ["node", "-e", "require('fs').copyFileSync('/keys/keys.json', '/data/keys.json'); require('fs').chmodSync('/data/keys.json', 0o600)"]
  securityContext: {{- include "headrace.security" . | nindent 4 }}
  volumeMounts:
    - { name: keys, mountPath: /keys, readOnly: true }
    - { name: data, mountPath: /data }
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
