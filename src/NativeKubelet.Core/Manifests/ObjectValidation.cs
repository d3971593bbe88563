using System.Text.Json;
using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Manifests;

/// <summary>Defaults and rules of an API server for the objects beside pods. No message holds a value of a Secret.</summary>
internal static class ObjectValidation
{
    private const int MostBytes = 1 << 20;
    private static readonly string[] AccessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

    public static void Metadata(V1ObjectMeta metadata, bool namespaced, FieldErrors errors)
    {
        errors.Invalid("metadata.name", metadata.Name, NameRules.Subdomain(metadata.Name));
        if (namespaced) errors.Invalid("metadata.namespace", metadata.NamespaceProperty, NameRules.Label(metadata.NamespaceProperty));
        else if (!string.IsNullOrEmpty(metadata.NamespaceProperty)) errors.Forbidden("metadata.namespace", "not allowed on this type");
        foreach ((string key, string value) in metadata.Labels ?? new Dictionary<string, string>())
        {
            errors.Invalid("metadata.labels", key, NameRules.QualifiedName(key));
            errors.Invalid("metadata.labels", value, NameRules.LabelValue(value));
        }
    }

    public static void ConfigMap(V1ConfigMap map, FieldErrors errors)
    {
        long size = 0;
        foreach ((string key, string value) in map.Data ?? new Dictionary<string, string>())
        {
            errors.Invalid($"data[{key}]", key, NameRules.ConfigKey(key));
            if (map.BinaryData?.ContainsKey(key) == true) errors.Invalid($"data[{key}]", key, "duplicate of key present in binaryData");
            size += System.Text.Encoding.UTF8.GetByteCount(value);
        }
        foreach ((string key, byte[] value) in map.BinaryData ?? new Dictionary<string, byte[]>())
        {
            errors.Invalid($"binaryData[{key}]", key, NameRules.ConfigKey(key));
            size += value.Length;
        }
        if (size > MostBytes) errors.Add("data", $"Too long: may not be more than {MostBytes} bytes");
    }

    /// <summary>Moves stringData into data, where it wins, as an API server does.</summary>
    public static void Defaults(V1Secret secret)
    {
        secret.Type = string.IsNullOrEmpty(secret.Type) ? "Opaque" : secret.Type;
        if (secret.StringData is not { Count: > 0 } texts) return;
        secret.Data = new Dictionary<string, byte[]>(secret.Data ?? new Dictionary<string, byte[]>());
        foreach ((string key, string value) in texts) secret.Data[key] = System.Text.Encoding.UTF8.GetBytes(value);
        secret.StringData = null;
    }

    public static void Secret(V1Secret secret, FieldErrors errors)
    {
        IDictionary<string, byte[]> data = secret.Data ?? new Dictionary<string, byte[]>();
        foreach (string key in data.Keys) errors.Invalid($"data[{key}]", key, NameRules.ConfigKey(key));
        if (data.Values.Sum(v => (long)v.Length) > MostBytes) errors.Add("data", $"Too long: may not be more than {MostBytes} bytes");
        switch (secret.Type)
        {
            case "kubernetes.io/service-account-token":
                const string account = "kubernetes.io/service-account.name";
                if (secret.Metadata.Annotations?.TryGetValue(account, out string? name) != true || string.IsNullOrEmpty(name)) errors.Required($"metadata.annotations[{account}]");
                break;
            case "kubernetes.io/dockercfg":
                JsonObject(".dockercfg");
                break;
            case "kubernetes.io/dockerconfigjson":
                JsonObject(".dockerconfigjson");
                break;
            case "kubernetes.io/basic-auth" when !data.ContainsKey("username") && !data.ContainsKey("password"):
                errors.Required("data[username]");
                errors.Required("data[password]");
                break;
            case "kubernetes.io/ssh-auth" when !data.TryGetValue("ssh-privatekey", out byte[]? key) || key.Length == 0:
                errors.Required("data[ssh-privatekey]");
                break;
            case "kubernetes.io/tls":
                if (!data.ContainsKey("tls.crt")) errors.Required("data[tls.crt]");
                if (!data.ContainsKey("tls.key")) errors.Required("data[tls.key]");
                break;
        }

        void JsonObject(string key)
        {
            if (!data.TryGetValue(key, out byte[]? text)) errors.Required($"data[{key}]");
            else if (!IsJsonObject(text)) errors.Invalid($"data[{key}]", "<secret contents redacted>", "must be a JSON object");
        }
    }

    public static void Defaults(V1PersistentVolumeClaim claim)
    {
        if (claim.Spec is { } spec && string.IsNullOrEmpty(spec.VolumeMode)) spec.VolumeMode = "Filesystem";
    }

    public static void Claim(V1PersistentVolumeClaim claim, FieldErrors errors)
    {
        if (claim.Spec is not { } spec)
        {
            errors.Required("spec");
            return;
        }
        Modes(spec.AccessModes, "at least 1 access mode is required", errors);
        if (spec.Resources?.Requests?.TryGetValue("storage", out ResourceQuantity? storage) == true) Positive("spec.resources[storage]", storage, errors);
        else errors.Required("spec.resources[storage]");
        if (!string.IsNullOrEmpty(spec.StorageClassName)) errors.Invalid("spec.storageClassName", spec.StorageClassName, NameRules.Subdomain(spec.StorageClassName));
        errors.OneOf("spec.volumeMode", spec.VolumeMode, "Block", "Filesystem");
        if (spec.DataSource is not null || spec.DataSourceRef is not null)
            errors.Forbidden("spec.dataSource", "a node alone has nothing to fill a claim from");
    }

    public static void Defaults(V1PersistentVolume volume)
    {
        if (volume.Spec is not { } spec) return;
        if (string.IsNullOrEmpty(spec.VolumeMode)) spec.VolumeMode = "Filesystem";
        if (string.IsNullOrEmpty(spec.PersistentVolumeReclaimPolicy)) spec.PersistentVolumeReclaimPolicy = "Retain";
        if (spec.HostPath is { } host) host.Type ??= "";
    }

    public static void Volume(V1PersistentVolume volume, FieldErrors errors)
    {
        if (volume.Spec is not { } spec)
        {
            errors.Required("spec");
            return;
        }
        Modes(spec.AccessModes, "", errors);
        if (spec.Capacity?.TryGetValue("storage", out ResourceQuantity? storage) == true) Positive("spec.capacity[storage]", storage, errors);
        else errors.Required("spec.capacity[storage]");
        errors.OneOf("spec.volumeMode", spec.VolumeMode, "Block", "Filesystem");
        errors.OneOf("spec.persistentVolumeReclaimPolicy", spec.PersistentVolumeReclaimPolicy, "Delete", "Recycle", "Retain");
        if (spec.HostPath is { } host) VolumeValidation.HostPath("spec.hostPath", host, errors);
        if (spec.Local is not { } local) return;
        if (string.IsNullOrEmpty(local.Path)) errors.Required("spec.local.path");
        else if (local.Path.Split('/').Contains("..")) errors.Invalid("spec.local.path", local.Path, "must not contain '..'");
        else if (local.Path[0] != '/') errors.Invalid("spec.local.path", local.Path, "must be an absolute path");
        if (spec.HostPath is not null) errors.Forbidden("spec.local", "may not specify more than 1 volume type");
        if (spec.NodeAffinity?.Required?.NodeSelectorTerms is not { Count: > 0 }) errors.Required("spec.nodeAffinity", "Local volume requires node affinity");
    }

    private static void Modes(IList<string>? modes, string detail, FieldErrors errors)
    {
        if (modes is not { Count: > 0 }) errors.Required("spec.accessModes", detail);
        foreach (string mode in modes ?? []) errors.OneOf("spec.accessModes", mode, AccessModes);
        if (modes?.Contains("ReadWriteOncePod") == true && modes.Any(m => m != "ReadWriteOncePod"))
            errors.Forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes");
    }

    private static void Positive(string field, ResourceQuantity? amount, FieldErrors errors)
    {
        if (!Quantity.TryParse(amount?.ToString(), out Quantity value) || !value.IsPositive) errors.Invalid(field, amount?.ToString() ?? "", "must be greater than zero");
    }

    private static bool IsJsonObject(byte[] text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
