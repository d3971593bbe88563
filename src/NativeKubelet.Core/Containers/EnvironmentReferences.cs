using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Containers;

/// <summary>One variable's value from somewhere else (valueFrom).</summary>
internal static class EnvironmentReferences
{
    /// <returns>Null: what it refers to is missing and was optional; there is no such variable then.</returns>
    /// <exception cref="ContainerConfigException">It is missing, or cannot be told.</exception>
    public static string? Value(V1Pod pod, V1Container container, V1EnvVarSource from, EnvironmentSources sources)
    {
        string space = pod.Metadata.NamespaceProperty;
        if (from.FieldRef is { } field) return Told(() => DownwardFields.Environment(pod, field.FieldPath, sources.Downward));
        if (from.ResourceFieldRef is { } amount) return Told(() => DownwardFields.Resource(pod, container.Name, amount, sources.Downward.Allocatable));
        if (from.ConfigMapKeyRef is { } map)
            return Key(sources.ConfigMap(map.Name), map.Key, map.Optional, $"configmap \"{map.Name}\" not found", $"ConfigMap {space}/{map.Name}");
        if (from.SecretKeyRef is { } secret)
            return Key(sources.Secret(secret.Name), secret.Key, secret.Optional, $"secret \"{secret.Name}\" not found", $"Secret {space}/{secret.Name}");
        if (from.FileKeyRef is { } file) return Line(file, sources);
        throw new ContainerConfigException("valueFrom names no source");
    }

    private static string Told(Func<string> value)
    {
        try
        {
            return value();
        }
        catch (FormatException e)
        {
            throw new ContainerConfigException(e.Message);
        }
    }

    private static string? Key(IReadOnlyDictionary<string, string>? found, string key, bool? optional, string noObject, string name)
    {
        if (found is not null && found.TryGetValue(key, out string? value)) return value;
        return optional == true ? null : throw new ContainerConfigException(found is null ? noObject : $"couldn't find key {key} in {name}");
    }

    private static string? Line(V1FileKeySelector selector, EnvironmentSources sources)
    {
        string? value;
        try
        {
            value = EnvFile.Find(sources.File(selector.VolumeName, selector.Path), selector.Key);
        }
        catch (Exception e) when (e is FormatException or IOException)
        {
            throw new ContainerConfigException($"couldn't parse env file {selector.Path} of volume {selector.VolumeName}: {e.Message}");
        }
        // An empty one counts as missing, as in the original.
        if (!string.IsNullOrEmpty(value)) return value;
        return selector.Optional == true ? null
            : throw new ContainerConfigException($"environment variable key \"{selector.Key}\" not found in file \"{selector.Path}\"");
    }
}
