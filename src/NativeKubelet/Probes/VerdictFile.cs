using System.Text;
using NativeKubelet.Core.Probes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;

namespace NativeKubelet.Probes;

/// <summary>
/// What the probes of a running container had decided, for the next agent: a pod that is ready stays ready over its start.
/// On tmpfs beside the container's bundle, and gone with it. Liveness is found out anew.
/// </summary>
internal sealed class VerdictFile(RuntimePaths paths)
{
    private const int MostBytes = 256;

    public ProbeVerdicts Read(string containerId)
    {
        try
        {
            string path = PathOf(containerId);
            return new FileInfo(path) is { Exists: true, Length: <= MostBytes } ? Parse(File.ReadAllText(path)) : ProbeVerdicts.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ProbeVerdicts.None;
        }
    }

    public void Write(string containerId, ProbeVerdicts verdicts)
    {
        try
        {
            AtomicFile.Write(PathOf(containerId), Encoding.ASCII.GetBytes(Format(verdicts)), mode: 0x180, durable: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ErrnoException)
        {
            // The container has just ended and its directory with it; or /run is full, and the next agent finds out anew.
        }
    }

    internal static string Format(ProbeVerdicts verdicts) =>
        $"started={(verdicts.Startup == true ? "1" : "0")} ready={verdicts.Readiness switch { true => "1", false => "0", null => "-" }}\n";

    internal static ProbeVerdicts Parse(string text) => text.TrimEnd('\n').Split(' ') is [var started, var ready]
        ? new(started == "started=1" ? true : null, ready switch { "ready=1" => true, "ready=0" => false, _ => null })
        : ProbeVerdicts.None;

    private string PathOf(string containerId) => Path.Combine(paths.Run, "containers", containerId, "verdicts");
}
