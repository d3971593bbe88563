using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Recovery;

/// <summary>The pods of which earlier agents left a record in RUN or DATA. Looks, and changes nothing.</summary>
internal static class KnownPods
{
    public static IEnumerable<string> OfRun(RuntimePaths paths) =>
        Records(Path.Combine(paths.Run, "sandboxes")).Select(json => SandboxRecord.TryParse(json)?.PodUid).OfType<string>();

    public static IEnumerable<string> OfData(RuntimePaths paths) =>
        Records(Path.Combine(paths.Data, "containers")).Select(json => ContainerRecord.TryParse(json)?.PodUid).OfType<string>();

    private static IEnumerable<byte[]> Records(string directory)
    {
        if (!Directory.Exists(directory)) yield break;
        foreach (string place in Directory.EnumerateDirectories(directory))
        {
            byte[] json;
            try { json = File.ReadAllBytes(Path.Combine(place, "record.json")); }
            catch (IOException) { continue; }      // without one, or removed meanwhile by an agent that runs
            yield return json;
        }
    }
}
