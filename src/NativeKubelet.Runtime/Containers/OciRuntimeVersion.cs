using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>What an OCI runtime says of itself: "runc version 1.3.3", "crun version 1.8.1".</summary>
/// <param name="Text">As printed, with a distribution's own suffix.</param>
/// <param name="Candidate">Of a release candidate ("-rc.3"); null for a release.</param>
public sealed partial record OciRuntimeVersion(string Name, string Text, int Major, int Minor, int Patch, int? Candidate)
{
    /// <param name="output">Of <c>--version</c>.</param>
    /// <returns>Null when its first line is not of that form.</returns>
    public static OciRuntimeVersion? Parse(string output)
    {
        Match match = FirstLine().Match(output);
        return !match.Success ? null : new(
            match.Groups["name"].Value, match.Groups["text"].Value, Number(match, "major"), Number(match, "minor"), Number(match, "patch"),
            match.Groups["rc"].Success ? Number(match, "rc") : null);
    }

    /// <summary>
    /// A runc through which containers could reach the host, by its own advisories. A distribution may have mended it under
    /// the old number: only its package changelog can tell.
    /// </summary>
    /// <returns>The advisories; null when the version has none that is known here.</returns>
    public string? Advisories
    {
        get
        {
            if (Name != "runc") return null;
            const string masked = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";
            if (IsBefore(1, 1, 12, null)) return "CVE-2024-21626, " + masked;
            bool mended = !IsBefore(1, 4, 0, 3) || Minor switch { 2 => !IsBefore(1, 2, 8, null), 3 => !IsBefore(1, 3, 3, null), _ => false };
            return mended ? null : masked;
        }
    }

    /// <summary>runc since 1.2 reads a joined user namespace's mapping from the namespace and refuses to be told it; the others must be told.</summary>
    public bool ReadsMappings => Name == "runc" && !IsBefore(1, 2, 0, null);

    /// <summary>Asks the program itself.</summary>
    /// <returns>Null when it does not tell.</returns>
    /// <exception cref="ErrnoException">It cannot be started.</exception>
    public static async Task<OciRuntimeVersion?> ReadAsync(string path, CancellationToken cancel)
    {
        ToolResult result = await ToolRun.RunAsync(new SpawnRequest(path, [path, "--version"]), default, 4096, TimeSpan.FromSeconds(10), cancel);
        return Parse(Encoding.UTF8.GetString(result.Output));
    }

    private bool IsBefore(int major, int minor, int patch, int? candidate) =>
        (Major, Minor, Patch, Candidate ?? int.MaxValue).CompareTo((major, minor, patch, candidate ?? int.MaxValue)) < 0;

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\A(?<name>[a-z]+) version (?<text>(?<major>\d{1,4})\.(?<minor>\d{1,4})(\.(?<patch>\d{1,4}))(-rc\.?(?<rc>\d{1,4}))?[^\s]*)")]
    private static partial Regex FirstLine();
}
