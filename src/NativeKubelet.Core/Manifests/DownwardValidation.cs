using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Manifests;

/// <summary>fieldRef and resourceFieldRef, of files and of variables.</summary>
internal static class DownwardValidation
{
    private static readonly string[] Resources =
        ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];

    private static readonly string[] Sizes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

    /// <param name="known">DownwardFields.VolumeFields or EnvironmentFields.</param>
    public static void Field(string at, V1ObjectFieldSelector selector, ReadOnlySpan<string> known, FieldErrors errors)
    {
        string path = selector.FieldPath ?? "";
        if (path.Length == 0) errors.Required($"{at}.fieldPath");
        else if (selector.ApiVersion is not (null or "" or "v1")) errors.Invalid($"{at}.fieldPath", path, $"error converting fieldPath: unsupported pod version: {selector.ApiVersion}");
        else if (DownwardFields.Keyed(path) is not { } keyed) errors.OneOf($"{at}.fieldPath", path, known);
        else if (keyed.Path == "metadata.annotations") errors.Invalid(at, keyed.Key, NameRules.QualifiedName(keyed.Key.ToLowerInvariant()));
        else if (keyed.Path == "metadata.labels") errors.Invalid(at, keyed.Key, NameRules.QualifiedName(keyed.Key));
        else errors.Invalid(at, keyed.Path, "does not support subscript");
    }

    /// <param name="ofFile">A file must say of which container; a variable is of its own.</param>
    public static void Resource(string at, V1ResourceFieldSelector selector, bool ofFile, FieldErrors errors)
    {
        string resource = selector.Resource ?? "";
        bool pages = resource.StartsWith("limits.hugepages-", StringComparison.Ordinal) || resource.StartsWith("requests.hugepages-", StringComparison.Ordinal);
        if (ofFile && string.IsNullOrEmpty(selector.ContainerName)) errors.Required($"{at}.containerName");
        else if (resource.Length == 0) errors.Required($"{at}.resource");
        else if (!pages) errors.OneOf($"{at}.resource", resource, Resources);
        if (selector.Divisor is not { } divisor || !Quantity.TryParse(divisor.ToString(), out Quantity unit) || unit == default) return;
        bool cpu = resource is "limits.cpu" or "requests.cpu";
        string[] allowed = cpu ? ["1m", "1"] : Sizes;
        if (!allowed.Any(a => Quantity.Parse(a) == unit))
            errors.Invalid($"{at}.divisor", resource, $"only divisor's values {string.Join(cpu ? " and " : ", ", allowed)} are supported with the {Word(resource)} resource");
    }

    private static string Word(string resource) => resource[(resource.IndexOf('.', StringComparison.Ordinal) + 1)..] switch
    {
        "ephemeral-storage" => "local ephemeral storage",
        var pages when pages.StartsWith("hugepages-", StringComparison.Ordinal) => "hugepages",
        var name => name,
    };
}
