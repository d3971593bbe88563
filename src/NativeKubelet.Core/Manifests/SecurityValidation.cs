using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>Identities, profiles and sysctls that cannot be meant, or must not be granted (spec 60 rules 7, 8, 9).</summary>
internal static class SecurityValidation
{
    public static void Pod(V1PodSpec spec, FieldErrors errors)
    {
        if (spec.SecurityContext is not { } security) return;
        const string path = "spec.securityContext";
        errors.Id($"{path}.runAsUser", security.RunAsUser);
        errors.Id($"{path}.runAsGroup", security.RunAsGroup);
        errors.Id($"{path}.fsGroup", security.FsGroup);
        for (int i = 0; i < (security.SupplementalGroups?.Count ?? 0); i++) errors.Id($"{path}.supplementalGroups[{i}]", security.SupplementalGroups![i]);
        if (security.SupplementalGroupsPolicy is { } policy) errors.OneOf($"{path}.supplementalGroupsPolicy", policy, "Merge", "Strict");
        if (security.FsGroupChangePolicy is { } change) errors.OneOf($"{path}.fsGroupChangePolicy", change, "OnRootMismatch", "Always");
        Seccomp(security.SeccompProfile, $"{path}.seccompProfile", errors);
        AppArmor(security.AppArmorProfile, $"{path}.appArmorProfile", errors);
        Sysctls(security.Sysctls, $"{path}.sysctls", errors);
    }

    public static void Container(V1SecurityContext? security, V1PodSpec spec, string path, FieldErrors errors)
    {
        if (security is null) return;
        errors.Id($"{path}.runAsUser", security.RunAsUser);
        errors.Id($"{path}.runAsGroup", security.RunAsGroup);
        if (security.ProcMount is { } mount)
        {
            errors.OneOf($"{path}.procMount", mount, "Default", "Unmasked");
            if (mount == "Unmasked" && spec.HostUsers != false) errors.Invalid($"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`");
        }
        Seccomp(security.SeccompProfile, $"{path}.seccompProfile", errors);
        AppArmor(security.AppArmorProfile, $"{path}.appArmorProfile", errors);
        if (security.AllowPrivilegeEscalation != false) return;
        if (security.Privileged == true) errors.Invalid(path, "", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
        if (security.Capabilities?.Add?.Any(c => c is "CAP_SYS_ADMIN" or "SYS_ADMIN") == true)
            errors.Invalid(path, "", "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
    }

    private static void Seccomp(V1SeccompProfile? profile, string path, FieldErrors errors)
    {
        if (profile is null) return;
        errors.OneOf($"{path}.type", profile.Type, "Localhost", "RuntimeDefault", "Unconfined");
        if (profile.Type == "Localhost") LocalProfile(profile.LocalhostProfile, $"{path}.localhostProfile", errors);
        else if (profile.LocalhostProfile is not null) errors.Invalid($"{path}.localhostProfile", profile.LocalhostProfile, "can only be set when seccomp type is Localhost");
    }

    private static void AppArmor(V1AppArmorProfile? profile, string path, FieldErrors errors)
    {
        if (profile is null) return;
        errors.OneOf($"{path}.type", profile.Type, "Localhost", "RuntimeDefault", "Unconfined");
        if (profile.Type != "Localhost")
        {
            if (profile.LocalhostProfile is not null) errors.Invalid($"{path}.localhostProfile", profile.LocalhostProfile, "can only be set when AppArmor type is Localhost");
        }
        else if (string.IsNullOrWhiteSpace(profile.LocalhostProfile))
        {
            errors.Required($"{path}.localhostProfile", "must be set when AppArmor type is Localhost");
        }
    }

    /// <summary>A file below the seccomp directory: an empty name or a way out of it once ran pods unconfined (CVE-2023-2431).</summary>
    private static void LocalProfile(string? name, string path, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(name)) errors.Required(path, "must be set when seccomp type is Localhost");
        else if (name[0] == '/') errors.Invalid(path, name, "must be a relative path");
        else if (name.Split('/').Contains("..")) errors.Invalid(path, name, "must not contain '..'");
    }

    private static void Sysctls(IList<V1Sysctl>? sysctls, string path, FieldErrors errors)
    {
        HashSet<string> names = [];
        for (int i = 0; i < (sysctls?.Count ?? 0); i++)
        {
            string name = sysctls![i].Name ?? "";
            // Names with '+', '=' or a newline once smuggled in a second setting (CVE-2022-0811).
            if (name.Length == 0) errors.Required($"{path}[{i}].name");
            else if (name.Length > 253 || !IsSysctlName(name)) errors.Invalid($"{path}[{i}].name", name, "must have at most 253 characters and match regex ^([a-z0-9][-_a-z0-9]*[./])*[a-z0-9][-_a-z0-9]*$");
            if (sysctls[i].Value?.Any(char.IsControl) == true) errors.Invalid($"{path}[{i}].value", "", "must not contain control characters");
            if (!names.Add(name.Replace('/', '.'))) errors.Duplicate($"{path}[{i}].name", name);
        }
    }

    private static bool IsSysctlName(string name) => name.Split('.', '/').All(part =>
        part.Length > 0 && char.IsAsciiLetterOrDigit(part[0]) && char.IsAsciiLetterOrDigit(part[^1])
        && part.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_'));
}
