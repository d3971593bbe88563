using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Manifests;

/// <summary>Volumes and where containers mount them.</summary>
internal static class VolumeValidation
{
    private static readonly string[] HostPathTypes = ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];

    /// <returns>The names that mounts may refer to.</returns>
    public static HashSet<string> Volumes(IList<V1Volume>? volumes, FieldErrors errors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < (volumes?.Count ?? 0); i++)
        {
            V1Volume volume = volumes![i];
            string path = $"spec.volumes[{i}]", name = volume.Name ?? "";
            if (name.Length == 0) errors.Required($"{path}.name");
            else if (NameRules.Label(name) is { } fault) errors.Invalid($"{path}.name", name, fault);
            else if (!names.Add(name)) errors.Duplicate($"{path}.name", name);
            Source(volume, path, errors);
        }
        return names;
    }

    public static void Mounts(V1Container container, string path, HashSet<string> volumes, FieldErrors errors)
    {
        HashSet<string> places = new(StringComparer.Ordinal);
        for (int i = 0; i < (container.VolumeMounts?.Count ?? 0); i++)
        {
            V1VolumeMount mount = container.VolumeMounts![i];
            string at = $"{path}.volumeMounts[{i}]", place = mount.MountPath ?? "";
            if (string.IsNullOrEmpty(mount.Name)) errors.Required($"{at}.name");
            else if (!volumes.Contains(mount.Name)) errors.Add($"{at}.name", $"Not found: \"{mount.Name}\"");
            if (place.Length == 0) errors.Required($"{at}.mountPath");
            else if (place.Contains(':', StringComparison.Ordinal)) errors.Invalid($"{at}.mountPath", place, "must not contain ':'");
            else if (!places.Add(place)) errors.Invalid($"{at}.mountPath", place, "must be unique");
            SubPath($"{at}.subPath", mount.SubPath, errors);
            SubPath($"{at}.subPathExpr", mount.SubPathExpr, errors);
            if (!string.IsNullOrEmpty(mount.SubPath) && !string.IsNullOrEmpty(mount.SubPathExpr))
                errors.Invalid($"{at}.subPathExpr", mount.SubPathExpr, "subPathExpr and subPath are mutually exclusive");
            if (mount.MountPropagation is { } propagation)
            {
                errors.OneOf($"{at}.mountPropagation", propagation, "None", "HostToContainer", "Bidirectional");
                if (propagation == "Bidirectional" && container.SecurityContext?.Privileged != true)
                    errors.Forbidden($"{at}.mountPropagation", "Bidirectional mount propagation is available only to privileged containers");
            }
            if (mount.RecursiveReadOnly is not { } recursive) continue;
            errors.OneOf($"{at}.recursiveReadOnly", recursive, "Disabled", "IfPossible", "Enabled");
            if (recursive == "Disabled") continue;
            if (mount.ReadOnlyProperty != true) errors.Forbidden($"{at}.recursiveReadOnly", "may only be specified when readOnly is true");
            if (mount.MountPropagation is not (null or "None")) errors.Forbidden($"{at}.recursiveReadOnly", "may only be specified when mountPropagation is None or not specified");
        }
    }

    public static void Devices(V1Container container, IList<V1Volume> volumes, string path, FieldErrors errors)
    {
        HashSet<string> names = new(StringComparer.Ordinal), places = new(StringComparer.Ordinal);
        for (int i = 0; i < (container.VolumeDevices?.Count ?? 0); i++)
        {
            V1VolumeDevice device = container.VolumeDevices![i];
            string at = $"{path}.volumeDevices[{i}]", name = device.Name ?? "", place = device.DevicePath ?? "";
            V1Volume? volume = volumes.FirstOrDefault(v => v.Name == name);
            if (name.Length == 0) errors.Required($"{at}.name");
            else if (!names.Add(name)) errors.Invalid($"{at}.name", name, "must be unique");
            else if (volume is null) errors.Add($"{at}.name", $"Not found: \"{name}\"");
            else if (volume.PersistentVolumeClaim is null && volume.Ephemeral is null)
                errors.Invalid($"{at}.name", name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
            if (container.VolumeMounts?.Any(m => m.Name == name) == true) errors.Invalid($"{at}.name", name, "must not already exist in volumeMounts");
            if (place.Length == 0) errors.Required($"{at}.devicePath");
            else if (!places.Add(place)) errors.Invalid($"{at}.devicePath", place, "must be unique");
            else if (place.Split('/').Contains("..")) errors.Invalid($"{at}.devicePath", place, "can not contain backsteps ('..')");
            if (container.VolumeMounts?.Any(m => m.MountPath == place) == true) errors.Invalid($"{at}.devicePath", place, "must not already exist as a path in volumeMounts");
        }
    }

    public static void HostPath(string field, V1HostPathVolumeSource host, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(host.Path)) errors.Required($"{field}.path");
        else if (host.Path.Split('/').Contains("..")) errors.Invalid($"{field}.path", host.Path, "must not contain '..'");
        else if (host.Path[0] != '/') errors.Invalid($"{field}.path", host.Path, "must be an absolute path");
        else if (host.Path.Contains('\0', StringComparison.Ordinal)) errors.Invalid($"{field}.path", "", "must not contain NUL");
        errors.OneOf($"{field}.type", host.Type ?? "", HostPathTypes);
    }

    private static void Source(V1Volume volume, string path, FieldErrors errors)
    {
        List<string> kinds = VolumeSources.Of(volume);
        foreach (string kind in kinds.Skip(1)) errors.Forbidden($"{path}.{kind}", "may not specify more than 1 volume type");
        if (volume.HostPath is { } host) HostPath($"{path}.hostPath", host, errors);
        if (volume.EmptyDir?.SizeLimit is { } size && Quantity.TryParse(size.ToString(), out Quantity limit) && limit < default(Quantity))
            errors.Forbidden($"{path}.emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity");
        // No shell and no git are started on a pod's data (CVE-2024-10220).
        if (volume.GitRepo is not null) errors.Forbidden($"{path}.gitRepo", "gitRepo volumes are refused; clone in a container instead");
        VolumeContentValidation.Check(volume, path, errors);
        if (volume.PersistentVolumeClaim is { } claim && string.IsNullOrEmpty(claim.ClaimName)) errors.Required($"{path}.persistentVolumeClaim.claimName");
        if (volume.Image is not { } image) return;
        if (string.IsNullOrEmpty(image.Reference)) errors.Required($"{path}.image.reference");
        errors.OneOf($"{path}.image.pullPolicy", image.PullPolicy, "Always", "IfNotPresent", "Never");
    }

    private static void SubPath(string field, string? path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(path)) return;
        if (path[0] == '/') errors.Invalid(field, path, "must be a relative path");
        else if (path.Split('/').Contains("..")) errors.Invalid(field, path, "must not contain '..'");
    }
}
