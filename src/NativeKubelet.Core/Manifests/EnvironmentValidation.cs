using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>Variables of a container and where they come from.</summary>
internal static class EnvironmentValidation
{
    public static void Container(V1Container container, string path, V1PodSpec spec, FieldErrors errors)
    {
        for (int i = 0; i < (container.EnvFrom?.Count ?? 0); i++) WholeObject(container.EnvFrom![i], $"{path}.envFrom[{i}]", errors);
        for (int i = 0; i < (container.Env?.Count ?? 0); i++) Variable(container.Env![i], $"{path}.env[{i}]", spec, errors);
    }

    private static void Variable(V1EnvVar variable, string path, V1PodSpec spec, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(variable.Name)) errors.Required($"{path}.name");
        else if (NameRules.EnvName(variable.Name) is { } fault) errors.Invalid($"{path}.name", variable.Name, fault);
        // The kernel ends a string at NUL; what follows would be lost, or become a variable of its own.
        if (variable.Value?.Contains('\0', StringComparison.Ordinal) == true) errors.Invalid($"{path}.value", "", "must not contain NUL");
        if (variable.ValueFrom is not { } from) return;
        path += ".valueFrom";
        int sources = new object?[] { from.FieldRef, from.ResourceFieldRef, from.ConfigMapKeyRef, from.SecretKeyRef, from.FileKeyRef }.Count(s => s is not null);
        if (sources == 0) errors.Invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
        else if (!string.IsNullOrEmpty(variable.Value)) errors.Invalid(path, "", "may not be specified when `value` is not empty");
        else if (sources > 1) errors.Invalid(path, "", "may not have more than one field specified at a time");
        if (from.FieldRef is { } field) DownwardValidation.Field($"{path}.fieldRef", field, Pods.DownwardFields.EnvironmentFields, errors);
        if (from.ResourceFieldRef is { } amount) DownwardValidation.Resource($"{path}.resourceFieldRef", amount, ofFile: false, errors);
        if (from.ConfigMapKeyRef is { } map) Key(map.Name, map.Key, $"{path}.configMapKeyRef", errors);
        if (from.SecretKeyRef is { } secret) Key(secret.Name, secret.Key, $"{path}.secretKeyRef", errors);
        if (from.FileKeyRef is { } file) File(file, $"{path}.fileKeyRef", spec, errors);
    }

    private static void WholeObject(V1EnvFromSource source, string path, FieldErrors errors)
    {
        if (!string.IsNullOrEmpty(source.Prefix)) errors.Invalid($"{path}.prefix", source.Prefix, NameRules.EnvName(source.Prefix));
        switch (source)
        {
            case { ConfigMapRef: null, SecretRef: null }:
                errors.Invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
                break;
            case { ConfigMapRef: not null, SecretRef: not null }:
                errors.Invalid(path, "", "may not have more than one field specified at a time");
                break;
        }
        if (source.ConfigMapRef is { } map) ObjectName(map.Name, $"{path}.configMapRef.name", errors);
        if (source.SecretRef is { } secret) ObjectName(secret.Name, $"{path}.secretRef.name", errors);
    }

    private static void Key(string? name, string? key, string path, FieldErrors errors)
    {
        ObjectName(name, $"{path}.name", errors);
        if (string.IsNullOrEmpty(key)) errors.Required($"{path}.key");
        else errors.Invalid($"{path}.key", key, NameRules.ConfigKey(key));
    }

    private static void File(V1FileKeySelector file, string path, V1PodSpec spec, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(file.Key)) errors.Required($"{path}.key");
        else errors.Invalid($"{path}.key", file.Key, NameRules.EnvName(file.Key));
        if (string.IsNullOrEmpty(file.Path)) errors.Required($"{path}.path");
        else if (file.Path.Split('/').Contains("..")) errors.Invalid($"{path}.path", file.Path, "must not contain '..'");
        if (string.IsNullOrEmpty(file.VolumeName)) errors.Required($"{path}.volumeName");
        else if (spec.Volumes?.FirstOrDefault(v => v.Name == file.VolumeName) is not { } volume) errors.Add($"{path}.volumeName", $"Not found: \"{file.VolumeName}\"");
        else if (volume.EmptyDir is null) errors.Invalid($"{path}.volumeName", file.VolumeName, "referenced volume must be of type emptyDir");
    }

    private static void ObjectName(string? name, string path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(name)) errors.Required(path);
        else errors.Invalid(path, name, NameRules.Subdomain(name));
    }
}
