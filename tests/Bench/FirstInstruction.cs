using System.Diagnostics;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Bench;

/// <summary>A named pipe into which programs write a line with their first instruction: the moment they run, seen from outside.</summary>
public sealed class FirstInstruction : IDisposable
{
    private readonly FileStream _pipe;
    private readonly byte[] _buffer = new byte[4096];

    public FirstInstruction(string directory)
    {
        DirectoryPath = directory;
        Directory.CreateDirectory(directory);
        Tool.Run("/usr/bin/mkfifo", Path.Combine(directory, "up"));
        // Read and write: the pipe never ends, however many writers come and go.
        _pipe = new FileStream(Path.Combine(directory, "up"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    public string DirectoryPath { get; }

    /// <returns>When the last of so many lines came (Stopwatch ticks).</returns>
    public long Wait(int lines)
    {
        while (lines > 0)
        {
            int read = _pipe.Read(_buffer);
            lines -= _buffer.AsSpan(0, read).Count((byte)'\n');
        }
        return Stopwatch.GetTimestamp();
    }

    /// <summary>A pod on the host's network that says so when it runs.</summary>
    /// <param name="then">What the script does after that.</param>
    public string Pod(string name, string then = "trap exit TERM; sleep 100000 & wait", string restart = "Always") => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}}
        spec:
          hostNetwork: true
          restartPolicy: {{restart}}
          terminationGracePeriodSeconds: 5
          containers:
          - name: main
            image: {{AgentHost.Image}}
            imagePullPolicy: Never
            command: [sh, -c, {{System.Text.Json.JsonSerializer.Serialize($"echo {name} >/bench/up; {then}")}}]
            volumeMounts: [{name: bench, mountPath: /bench}]
          volumes:
          - name: bench
            hostPath: {path: {{DirectoryPath}} }
        """;

    public void Dispose() => _pipe.Dispose();
}
