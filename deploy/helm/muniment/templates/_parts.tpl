{{- define "muniment.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "muniment.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "muniment.labels" -}}
{{ include "muniment.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "muniment.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "muniment.name" .) "default" .Values.serviceAccount.create) }}
{{- end -}}

{{- /* What the server and `muniment init` share: where the registry is, and how to be there. */ -}}
{{- define "muniment.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
env:
  - name: MUNIMENT_DATABASE_FILE
    value: /run/secrets/muniment/database
  - name: MUNIMENT_BLOBS
    value: {{ .Values.blobs.url | quote }}
  - name: MUNIMENT_DIRECT_TRANSFER
    value: {{ .Values.blobs.direct | quote }}
  {{- with .Values.blobs.endpoint }}
  - name: MUNIMENT_S3_ENDPOINT
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.blobs.region }}
  - name: MUNIMENT_S3_REGION
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.blobs.publicEndpoint }}
  - name: MUNIMENT_S3_PUBLIC_ENDPOINT
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.blobs.secret }}
  - name: MUNIMENT_S3_ACCESS_KEY_ID
    valueFrom:
      secretKeyRef:
        name: {{ . }}
        key: access-key-id
  - name: MUNIMENT_S3_SECRET_ACCESS_KEY_FILE
    value: /run/secrets/muniment/secret-access-key
  {{- end }}
  {{- with .Values.trustedProxies }}
  - name: MUNIMENT_TRUSTED_PROXIES
    value: {{ join "," . | quote }}
  {{- end }}
  - name: MUNIMENT_ALLOWED_HOSTS
    value: {{ join "," (concat (list (include "muniment.name" .) (printf "%s.%s" (include "muniment.name" .) .Release.Namespace) (printf "%s.%s.svc" (include "muniment.name" .) .Release.Namespace)) .Values.ingress.hosts) | quote }}
  {{- range $name, $value := .Values.settings }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
  {{- range $name, $_ := .Values.secretSettings }}
  - name: {{ $name }}_FILE
    value: /run/secrets/muniment/{{ $name }}
  {{- end }}
volumeMounts:
  - name: secrets
    mountPath: /run/secrets/muniment
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end -}}
