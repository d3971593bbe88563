using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Api.Yaml;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Core.Manifests;

/// <summary>What a file or URL holds. Pods and objects only when it is valid as a whole.</summary>
public sealed record DecodedManifest(ImmutableArray<V1Pod> Pods, ImmutableArray<ManifestProblem> Problems)
{
    /// <summary>ConfigMaps, Secrets, claims and volumes beside the pods.</summary>
    public ImmutableArray<NodeObject> Objects { get; init; } = [];

    /// <summary>
    /// Every document was understood. One that was not makes the whole text invalid: a file that is being written, or was
    /// cut off, must not be taken for one that names fewer pods.
    /// </summary>
    public bool Valid => Problems.All(p => p.Severity != ProblemSeverity.Error);
}

/// <summary>
/// Bytes → this node's static pods: documents, types, defaults, identity, validation. Pure; hostile bytes end in a
/// problem, never in an exception.
/// </summary>
public static class ManifestDecoder
{
    /// <param name="now">For kubernetes.io/config.seen.</param>
    public static DecodedManifest Decode(ReadOnlyMemory<byte> utf8, ManifestOrigin origin, DateTimeOffset now)
    {
        IReadOnlyList<YamlDocument> documents;
        try
        {
            documents = YamlDocuments.Read(utf8);
        }
        catch (YamlFormatException e)
        {
            return new([], [new(origin.Display, 0, e.Line, "", e.Reason, ProblemSeverity.Error)]);
        }
        if (documents.Count == 0) return new([], [new(origin.Display, 0, 0, "", "holds no document: a pod is expected", ProblemSeverity.Error)]);

        Reading reading = new(origin, now);
        for (int i = 0; i < documents.Count; i++) reading.Document(documents[i], i + 1);
        DecodedManifest read = new([.. reading.Pods], [.. reading.Problems]) { Objects = [.. reading.Objects] };
        return read.Valid ? read : read with { Pods = [], Objects = [] };
    }

    private sealed class Reading(ManifestOrigin origin, DateTimeOffset now)
    {
        // Enough for people; a hostile text could otherwise make one for each of its bytes.
        private const int MostProblems = 100;

        private YamlDocument _document = null!; // set by Document before anything reads it
        private int _number;

        public List<V1Pod> Pods { get; } = [];

        public List<NodeObject> Objects { get; } = [];

        public List<ManifestProblem> Problems { get; } = [];

        public void Document(YamlDocument document, int number)
        {
            (_document, _number) = (document, number);
            foreach (YamlProblem duplicate in document.Duplicates)
                Report(ProblemSeverity.Warning, duplicate.Path, duplicate.Message, duplicate.Line);
            using JsonDocument json = JsonDocument.Parse(document.Json);
            Object(json.RootElement, "", expectedKind: null);
        }

        /// <param name="path">Empty, or items[N] of a list.</param>
        /// <param name="expectedKind">What an item may leave out because its list says it.</param>
        private void Object(JsonElement json, string path, string? expectedKind)
        {
            if (json.ValueKind != JsonValueKind.Object)
            {
                Error(path, "is no Kubernetes object: a map with apiVersion, kind, metadata and spec is expected");
                return;
            }
            string? kind = Word(json, "kind") ?? expectedKind, version = Word(json, "apiVersion") ?? (expectedKind is null ? null : "v1");
            switch (version, kind)
            {
                case ("v1", "Pod"):
                    Pod(json, path);
                    break;
                case ("v1", "PodList" or "List") when path.Length == 0:
                    if (!json.TryGetProperty("items", out JsonElement items) || items.ValueKind != JsonValueKind.Array) break;
                    int index = 0;
                    foreach (JsonElement item in items.EnumerateArray()) Object(item, $"items[{index++}]", kind == "PodList" ? "Pod" : null);
                    break;
                case ("v1", "ConfigMap" or "Secret" or "PersistentVolumeClaim" or "PersistentVolume") when origin.Scope == ManifestScope.Joined:
                    Error(Join(path, "kind"), $"{kind} is the API server's to give; a manifest of this node holds v1 Pods");
                    break;
                case ("v1", "ConfigMap"):
                    Beside(json, path, ObjectKind.ConfigMap, KubernetesJson.TypeInfo<V1ConfigMap>(), static _ => { }, ObjectValidation.ConfigMap);
                    break;
                case ("v1", "Secret"):
                    Beside(json, path, ObjectKind.Secret, KubernetesJson.TypeInfo<V1Secret>(), ObjectValidation.Defaults, ObjectValidation.Secret);
                    break;
                case ("v1", "PersistentVolumeClaim"):
                    Beside(json, path, ObjectKind.PersistentVolumeClaim, KubernetesJson.TypeInfo<V1PersistentVolumeClaim>(), ObjectValidation.Defaults, ObjectValidation.Claim);
                    break;
                case ("v1", "PersistentVolume"):
                    Beside(json, path, ObjectKind.PersistentVolume, KubernetesJson.TypeInfo<V1PersistentVolume>(), ObjectValidation.Defaults, ObjectValidation.Volume);
                    break;
                case (null or "", _):
                    Error(Join(path, "apiVersion"), "Required value");
                    break;
                case (_, null or ""):
                    Error(Join(path, "kind"), "Required value");
                    break;
                default:
                    Error(Join(path, "kind"), $"{version} {kind} cannot be run by a node alone; a manifest holds v1 Pods");
                    break;
            }
        }

        private void Pod(JsonElement json, string path)
        {
            if (Read(json, path, KubernetesJson.Pod) is not { } pod) return;

            pod.ApiVersion = "v1";
            pod.Kind = "Pod";
            if (string.IsNullOrEmpty(pod.Metadata?.Name))
            {
                Error(Join(path, "metadata.name"), "Required value: name is needed for the pod");
                return;
            }
            if (pod.Spec is null)
            {
                Error(Join(path, "spec"), "Required value");
                return;
            }
            PodDefaults.Apply(pod);
            StaticPodIdentity.Apply(pod, StaticPodUid.Compute(json, origin), origin, now);
            int before = Problems.Count;
            foreach ((string field, string message) in PodValidation.Check(pod)) Error(Join(path, field), message);
            foreach ((string field, string message) in StaticPodReferences.Find(pod.Spec, origin.Scope)) Error(Join(path, field), message);
            if (Problems.Count == before) Pods.Add(pod);
        }

        private void Beside<T>(JsonElement json, string path, ObjectKind kind, JsonTypeInfo<T> type, Action<T> applyDefaults, Action<T, FieldErrors> check)
            where T : class, k8s.IKubernetesObject<V1ObjectMeta>
        {
            if (Read(json, path, type) is not { } model) return;
            bool namespaced = kind != ObjectKind.PersistentVolume;
            model.ApiVersion = "v1";
            model.Kind = kind.ToString();
            if (string.IsNullOrEmpty(model.Metadata?.Name))
            {
                Error(Join(path, "metadata.name"), "Required value: name is needed for the object");
                return;
            }
            if (namespaced && string.IsNullOrEmpty(model.Metadata.NamespaceProperty)) model.Metadata.NamespaceProperty = "default";
            applyDefaults(model);
            FieldErrors errors = new();
            ObjectValidation.Metadata(model.Metadata, namespaced, errors);
            check(model, errors);
            foreach ((string field, string message) in errors) Error(Join(path, field), message);
            if (errors.Any()) return;
            ObjectKey key = new(kind, namespaced ? model.Metadata.NamespaceProperty : "", model.Metadata.Name);
            Objects.Add(new(key, model, Fnv128.Of(KubernetesJson.Write(model)), origin.Display));
        }

        private T? Read<T>(JsonElement json, string path, JsonTypeInfo<T> type)
            where T : class
        {
            foreach (UnknownField unknown in KnownFields.FindUnknown(json, type))
            {
                string hint = unknown.Suggestion is null ? "" : $" (is \"{unknown.Suggestion}\" meant?)";
                Report(ProblemSeverity.Warning, Join(path, unknown.Path), $"unknown field, ignored{hint}");
            }
            if (JsonNulls.FirstInList(json, "") is { } at)
            {
                Error(Join(path, at), "must not be null");
                return null;
            }
            try
            {
                return KubernetesJson.Read<T>(JsonNulls.Dropped(json));
            }
            catch (JsonException e)
            {
                Error(Join(path, JsonFaults.Field(e)), JsonFaults.Message(e));
                return null;
            }
        }

        private void Error(string field, string message) => Report(ProblemSeverity.Error, field, message);

        private void Report(ProblemSeverity severity, string field, string message, int line = 0)
        {
            // Errors always count, even where the list is full: they decide whether the file is valid.
            if (Problems.Count >= MostProblems && (severity == ProblemSeverity.Warning || Problems[^1].Severity == ProblemSeverity.Error)) return;
            Problems.Add(new(origin.Display, _number, line > 0 ? line : _document.Source.Find(field).Line, field, message, severity));
        }

        private static string? Word(JsonElement json, string name) =>
            json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

        private static string Join(string path, string field) =>
            path.Length == 0 ? field : field.Length == 0 ? path : field[0] == '[' ? path + field : $"{path}.{field}";
    }
}
