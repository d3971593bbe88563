using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeKubelet.Api.Local;
using NativeKubelet.Linux.Files;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Bench;

/// <summary>The floor: runc alone, on the bundle that the agent made for one of its containers, in the same pod's namespaces.</summary>
public sealed class BareRunc : IDisposable
{
    private readonly string _directory, _state;
    private readonly JsonObject _config;
    private int _count;

    public BareRunc(AgentHost node, PodDocument template)
    {
        string id = template.Containers[0].Id;
        _directory = node["bare"];
        _state = node["bare-state"];
        _config = JsonNode.Parse(File.ReadAllText(node[$"run/containers/{id}/config.json"]))!.AsObject();
        Directory.CreateDirectory(_directory);
        Tool.Run("/bin/cp", "-a", "/" + node[$"run/containers/{id}/rootfs"].TrimStart('/'), Path.Combine(_directory, "rootfs"));
        _config["root"]!["path"] = Path.Combine(_directory, "rootfs");
    }

    /// <summary>A bundle ready to run; making it is not part of what is measured.</summary>
    public (string Id, string Bundle) Prepare()
    {
        string id = $"bare{++_count}", bundle = Path.Combine(_directory, id);
        Directory.CreateDirectory(bundle);
        string group = _config["linux"]!["cgroupsPath"]!.GetValue<string>();
        JsonObject config = _config.DeepClone().AsObject();
        config["linux"]!["cgroupsPath"] = $"{group[..group.LastIndexOf('/')]}/{id}";
        File.WriteAllText(Path.Combine(bundle, "config.json"), config.ToJsonString());
        return (id, bundle);
    }

    public void Start((string Id, string Bundle) container)
    {
        ProcessStartInfo start = new("runc", ["--root", _state, "run", "--detach", "--bundle", container.Bundle, container.Id])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Its output pipes stay with the container; nobody reads them, as it says nothing there.
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException("runc: " + process.StandardError.ReadToEnd());
    }

    public void Remove((string Id, string Bundle) container) => Tool.Run("/usr/sbin/runc", "--root", _state, "delete", "--force", container.Id);

    public void Dispose()
    {
        DirectoryHandle.DeleteTree(_directory);
        DirectoryHandle.DeleteTree(_state);
    }
}
