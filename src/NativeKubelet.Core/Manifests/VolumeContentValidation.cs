using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Manifests;

/// <summary>Volumes whose files show objects or the pod itself.</summary>
internal static class VolumeContentValidation
{
    public static void Check(V1Volume volume, string path, FieldErrors errors)
    {
        if (volume.Secret is { } secret)
        {
            if (string.IsNullOrEmpty(secret.SecretName)) errors.Required($"{path}.secret.secretName");
            Mode($"{path}.secret.defaultMode", secret.DefaultMode, errors);
            Keys($"{path}.secret", secret.Items, errors);
        }
        if (volume.ConfigMap is { } map)
        {
            if (string.IsNullOrEmpty(map.Name)) errors.Required($"{path}.configMap.name");
            Mode($"{path}.configMap.defaultMode", map.DefaultMode, errors);
            Keys($"{path}.configMap", map.Items, errors);
        }
        if (volume.DownwardAPI is { } downward)
        {
            Mode($"{path}.downwardAPI.defaultMode", downward.DefaultMode, errors);
            Files($"{path}.downwardAPI", downward.Items, errors);
        }
        if (volume.Projected is { } projected) Projected(projected, $"{path}.projected", errors);
    }

    private static void Projected(V1ProjectedVolumeSource projected, string path, FieldErrors errors)
    {
        Mode($"{path}.defaultMode", projected.DefaultMode, errors);
        HashSet<string> taken = new(StringComparer.Ordinal);
        for (int i = 0; i < (projected.Sources?.Count ?? 0); i++)
        {
            V1VolumeProjection source = projected.Sources![i];
            string at = $"{path}.sources[{i}]";
            int kinds = new object?[] { source.Secret, source.ConfigMap, source.DownwardAPI, source.ServiceAccountToken, source.ClusterTrustBundle, source.PodCertificate }.Count(s => s is not null);
            if (kinds > 1) errors.Forbidden(at, "may not specify more than 1 volume type per source");
            if (source.Secret is { } secret) Named(secret.Name, secret.Items, $"{at}.secret");
            if (source.ConfigMap is { } map) Named(map.Name, map.Items, $"{at}.configMap");
            if (source.DownwardAPI is not { } downward) continue;
            Files($"{at}.downwardAPI", downward.Items, errors);
            foreach (V1DownwardAPIVolumeFile item in downward.Items ?? []) Take(item.Path, item.Path);
        }

        void Named(string? name, IList<V1KeyToPath>? items, string at)
        {
            if (string.IsNullOrEmpty(name)) errors.Required($"{at}.name");
            Keys(at, items, errors);
            foreach (V1KeyToPath item in items ?? []) Take(item.Path, name);
        }

        void Take(string? file, string? name)
        {
            if (!string.IsNullOrEmpty(file) && !taken.Add(file)) errors.Invalid(path, name ?? "", "conflicting duplicate paths");
        }
    }

    private static void Keys(string path, IList<V1KeyToPath>? items, FieldErrors errors)
    {
        for (int i = 0; i < (items?.Count ?? 0); i++)
        {
            string at = $"{path}.items[{i}]";
            if (string.IsNullOrEmpty(items![i].Key)) errors.Required($"{at}.key");
            FilePath($"{at}.path", items[i].Path, errors);
            Mode($"{at}.mode", items[i].Mode, errors);
        }
    }

    private static void Files(string path, IList<V1DownwardAPIVolumeFile>? items, FieldErrors errors)
    {
        for (int i = 0; i < (items?.Count ?? 0); i++)
        {
            V1DownwardAPIVolumeFile item = items![i];
            string at = $"{path}.items[{i}]";
            FilePath($"{at}.path", item.Path, errors);
            Mode($"{at}.mode", item.Mode, errors);
            if (item.FieldRef is { } field)
            {
                DownwardValidation.Field($"{at}.fieldRef", field, DownwardFields.VolumeFields, errors);
                if (item.ResourceFieldRef is not null) errors.Invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
            }
            else if (item.ResourceFieldRef is { } resource) DownwardValidation.Resource($"{at}.resourceFieldRef", resource, ofFile: true, errors);
            else errors.Required(at, "one of fieldRef and resourceFieldRef is required");
        }
    }

    private static void FilePath(string field, string? path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(path)) errors.Required(field);
        else if (path[0] == '/') errors.Invalid(field, path, "must be a relative path");
        else if (path.Split('/').Contains("..")) errors.Invalid(field, path, "must not contain '..'");
        else if (path.StartsWith("..", StringComparison.Ordinal)) errors.Invalid(field, path, "must not start with '..'");
    }

    private static void Mode(string field, int? mode, FieldErrors errors)
    {
        if (mode is < 0 or > 0x1FF) errors.Invalid(field, mode.Value, "must be a number between 0 and 0777 (octal), both inclusive");
    }
}
