using System.Collections.Immutable;

namespace NativeKubelet.Core.Containers;

/// <summary>What a container takes from its image (OCI image-spec, config.md).</summary>
/// <param name="User">As written: uid, name, uid:gid, name:group; empty means root.</param>
/// <param name="StopSignal">As written, e.g. SIGQUIT or SIGRTMIN+3; empty means SIGTERM.</param>
/// <param name="Volumes">Paths that get an anonymous volume of their own.</param>
public sealed record ImageConfig(
    ImmutableArray<string> Entrypoint,
    ImmutableArray<string> Cmd,
    ImmutableArray<string> Env,
    string WorkingDir,
    string User,
    string StopSignal,
    ImmutableArray<string> Volumes)
{
    public static ImageConfig Empty { get; } = new([], [], [], "", "", "", []);
}
