using System.Globalization;
using System.Text;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;

namespace NativeKubelet.Server.Streaming;

/// <summary>How a command or an attachment ended, as its client is told over the error stream.</summary>
/// <param name="Failure">Empty: it went well.</param>
/// <param name="ExitCode">Null: it is not about an exit code.</param>
internal sealed record StreamStatus(string Failure, int? ExitCode)
{
    public static StreamStatus Success { get; } = new("", null);

    public static StreamStatus Exited(int code, IEnumerable<string> command) =>
        code == 0 ? Success : new($"command terminated with non-zero exit code: error executing command [{string.Join(' ', command)}], exit code {code}", code);

    public static StreamStatus Internal(string failure) => new(failure, null);

    /// <summary>What v4 and v5 carry: a metav1.Status.</summary>
    public byte[] ToJson() => KubernetesJson.Write(this switch
    {
        { Failure: "" } => new V1Status { Status = "Success", Metadata = new() },
        { ExitCode: { } code } => new V1Status
        {
            Status = "Failure",
            Message = Failure,
            Reason = "NonZeroExitCode",
            Metadata = new(),
            Details = new() { Causes = [new() { Reason = "ExitCode", Message = code.ToString(CultureInfo.InvariantCulture) }] },
        },
        _ => new V1Status
        {
            Status = "Failure",
            Message = $"Internal error occurred: {Failure}",
            Reason = "InternalError",
            Code = 500,
            Metadata = new(),
            Details = new() { Causes = [new() { Message = Failure }] },
        },
    });

    /// <summary>What older protocols carry: nothing when it went well.</summary>
    public byte[] ToText() => Encoding.UTF8.GetBytes(Failure.Length == 0 || ExitCode is not null ? Failure : $"Internal error occurred: {Failure}");
}
