using System.Globalization;

namespace NativeKubelet.Cli;

/// <summary>Finds logs by the names that a kubelet gives them: NAMESPACE_POD_UID/CONTAINER/N.log.</summary>
public static class LogDirectory
{
    /// <param name="typed">NAME, NAMESPACE/NAME or the beginning of a name.</param>
    /// <returns>The newest instance's log, or with <paramref name="previous"/> the one before it; null when there is none.</returns>
    /// <exception cref="VerbException">More than one pod or container may be meant.</exception>
    public static string? Find(string root, string typed, string? space, string? container, bool previous)
    {
        if (typed.Split('/', 2) is [var before, var after]) (space, typed) = (before, after);
        if (!Directory.Exists(root)) return null;
        var near = (from path in Directory.EnumerateDirectories(root)
                    let parts = Path.GetFileName(path).Split('_')
                    where parts.Length == 3 && (space is null || parts[0] == space) && parts[1].StartsWith(typed, StringComparison.Ordinal)
                    select (Path: path, Pod: $"{parts[0]}/{parts[1]}", Exact: parts[1] == typed)).ToArray();
        if (near.Any(p => p.Exact)) near = [.. near.Where(p => p.Exact)];
        string[] pods = [.. near.Select(p => p.Pod).Distinct()];
        if (pods.Length > 1) throw new VerbException($"\"{typed}\" may be {string.Join(" or ", pods)}; type more of it");
        if (near.Length == 0) return null;

        // A pod that was replaced left its directory behind for a while.
        string directory = near.MaxBy(p => Directory.GetLastWriteTimeUtc(p.Path)).Path;
        string[] containers = [.. Directory.EnumerateDirectories(directory).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];
        if (container is null && containers.Length > 1)
            throw new VerbException($"no agent says which container is meant; name one of: {string.Join(", ", containers)}");
        container ??= containers.FirstOrDefault() ?? "";
        if (!containers.Contains(container)) throw new VerbException($"container {container} has no log in {directory}; it has: {string.Join(", ", containers)}");

        string own = Path.Combine(directory, container);
        int[] instances = [.. Directory.EnumerateFiles(own, "*.log").Select(p => Number(Path.GetFileNameWithoutExtension(p))).Where(n => n >= 0).OrderDescending()];
        int index = previous ? 1 : 0;
        return index < instances.Length ? Path.Combine(own, $"{instances[index]}.log") : null;
    }

    private static int Number(string name) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : -1;
}
