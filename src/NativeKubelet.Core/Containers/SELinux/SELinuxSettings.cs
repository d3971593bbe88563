namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>The files of SELinux: a key, an equals sign and a value a line, which may be in quotation marks; comments begin with # or ;.</summary>
public static class SELinuxSettings
{
    /// <summary>As libselinux: where /etc/selinux/config names no policy.</summary>
    private const string UsualPolicy = "targeted";

    /// <returns>The name of the policy, a directory of /etc/selinux; never a path that leads elsewhere.</returns>
    public static string Policy(string config) =>
        Value(config, "SELINUXTYPE") is { } name && SELinuxContext.IsName(name) && !name.StartsWith('.') ? name : UsualPolicy;

    /// <returns>What the first line with this key says; null: none does.</returns>
    public static string? Value(string text, string key)
    {
        foreach (string line in text.Split('\n'))
            if (line.IndexOf('=', StringComparison.Ordinal) is > 0 and var sign && line[..sign].Trim() == key) return line[(sign + 1)..].Trim().Trim('"');
        return null;
    }
}
