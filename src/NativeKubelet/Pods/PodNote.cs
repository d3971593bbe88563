using System.Globalization;
using System.Text;
using NativeKubelet.Core.Pods;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;

namespace NativeKubelet.Pods;

/// <summary>
/// What no record of the runtime tells of a pod and its next worker must know: when it was taken up, and why the node ended
/// it. In the pod's directory, and gone with it. The beginning is written without fsync, an end with it.
/// </summary>
internal sealed class PodNote(RuntimePaths paths)
{
    private const int MostBytes = 8192;

    /// <returns>Nulls where there is no note, or none that can be read.</returns>
    public (DateTimeOffset? Begun, PodFailure? Over) Read(string uid)
    {
        try
        {
            string path = PathOf(uid);
            return new FileInfo(path) is { Exists: true, Length: <= MostBytes } ? Parse(File.ReadAllText(path)) : (null, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, null);
        }
    }

    /// <exception cref="IOException">The disk refuses.</exception>
    public void Write(string uid, DateTimeOffset begun, PodFailure? over)
    {
        if (Directory.Exists(paths.PodDirectory(uid)))
            AtomicFile.Write(PathOf(uid), Encoding.UTF8.GetBytes(Format(begun, over)), mode: 0x180, durable: over is not null);
    }

    internal static string Format(DateTimeOffset begun, PodFailure? over) =>
        $"begun {begun.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)}\n" + (over is null ? "" : $"over {over.Reason} {over.Message.ReplaceLineEndings(" ")}\n");

    internal static (DateTimeOffset? Begun, PodFailure? Over) Parse(string text)
    {
        DateTimeOffset? begun = null;
        PodFailure? over = null;
        foreach (string line in text.Split('\n'))
        {
            if (line.Split(' ', 2) is ["begun", var time] && long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds)
                && milliseconds < DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
                begun = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            else if (line.Split(' ', 3) is ["over", { Length: > 0 } reason, var message]) over = new(reason, message);
        }
        return (begun, over);
    }

    private string PathOf(string uid) => Path.Combine(paths.PodDirectory(uid), "nativekubelet-note");
}
