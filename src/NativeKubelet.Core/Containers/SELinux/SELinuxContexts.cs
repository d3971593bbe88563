namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>What containers of a node are labelled with where no pod asks for another: the policy's own word, or ours.</summary>
/// <param name="Process">Of containers' processes.</param>
/// <param name="File">Of their files.</param>
/// <param name="SharedFile">Of files that several pods read and none writes: an image's, in a volume.</param>
/// <param name="Origin">Where it is said, for messages.</param>
public sealed record SELinuxContexts(SELinuxContext Process, SELinuxContext File, SELinuxContext SharedFile, string Origin)
{
    /// <summary>What Fedora's and the reference policy call containers.</summary>
    /// <param name="hasLevels">The policy has levels (MLS, or MCS).</param>
    public static SELinuxContexts BuiltIn(bool hasLevels)
    {
        string? level = hasLevels ? "s0" : null;
        SELinuxContext file = new("system_u", "object_r", "container_file_t", level);
        return new(new("system_u", "system_r", "container_t", level), file, file, "built in");
    }

    /// <summary>Reads what a policy brings for programs like this one: lxc_contexts, lines as <c>process = "system_u:system_r:container_t:s0"</c>.</summary>
    /// <returns>Null when it does not say what a process and a file are labelled with.</returns>
    public static SELinuxContexts? TryParse(string text, string origin)
    {
        SELinuxContext? Context(string key) => SELinuxSettings.Value(text, key) is { } value ? SELinuxContext.TryParse(value) : null;
        return Context("process") is { } process && Context("file") is { } file ? new(process, file, Context("ro_file") ?? file, origin) : null;
    }
}
