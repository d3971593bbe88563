using System.Net;
using System.Net.Sockets;
using System.Text;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Linux.Netlink;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Tests.Node.Agent;
using NativeKubelet.Tests.Node.Images.Registry;

namespace NativeKubelet.Tests.Node.Static;

/// <summary>
/// The appliance build (<c>build.sh test static</c> makes it and names it in NK_STATIC) in a root that holds nothing but
/// itself, runc with the libraries that it links, /dev/{null,random,urandom}, /etc and the kernel's file systems.
/// </summary>
public sealed class StaticRootTests : IDisposable
{
    private const string Registry = "registry.test", Busybox = "/bin/busybox";
    private readonly string _work = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public void Dispose() => DirectoryHandle.DeleteTree(_work);

    [Fact(Explicit = true)]
    public async Task In_an_empty_root_it_finds_a_registry_by_name_trusts_it_pulls_and_runs_a_pod()
    {
        string program = Environment.GetEnvironmentVariable("NK_STATIC") ?? throw new InvalidOperationException("NK_STATIC names no program; use ./build.sh test static");
        using NetworkNamespace node = NetworkNamespace.Create("static root");
        using (RouteSocket route = node.Run(RouteSocket.Open)) route.SetUp(route.Link("lo").Index);
        using TestAuthority authority = new(Path.Combine(_work, "ca"));
        (string certificate, string key) = authority.Issue("registry", IPAddress.Loopback, Registry);
        WriteEtc(authority.CertificateFile);
        await File.WriteAllTextAsync(Path.Combine(_work, "registry.yml"),
            $"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {_work}/registry}}}}\nhttp: {{addr: 127.0.0.1:5000, tls: {{certificate: {certificate}, key: {key}}}}}\n",
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_work, "pod.yaml"), $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: alone}
            spec:
              restartPolicy: Never
              containers:
              - {name: main, image: "{{Registry}}:5000/team/hello:1", command: [sh, -c, "ip -o addr show eth0 | grep -q 'inet 10' && exit 7"]}
            """, TestContext.Current.CancellationToken);
        string root = Directory.CreateDirectory(Path.Combine(_work, "root")).FullName;

        using PidFd registry = node.Run(() => Spawn.Start(new("/usr/bin/docker-registry", ["docker-registry", "serve", Path.Combine(_work, "registry.yml")])));
        using NameServer names = new(node, Registry, IPAddress.Loopback);
        try
        {
            string[] libraries = await LibrariesAsync("/usr/sbin/runc");
            ToolResult result = await Script(node, $"""
                set -eu
                until /usr/bin/skopeo copy --quiet --dest-cert-dir {_work}/trust oci-archive:{ProgramFile.DemoImage} docker://127.0.0.1:5000/team/hello:1 2>{_work}/skopeo; do
                  grep -q 'connection refused' {_work}/skopeo || exit 90
                done
                mount -t tmpfs -o mode=755 root {root}
                cd {root}
                mkdir -p dev etc proc sys run tmp var/tmp old usr/sbin
                mknod -m 666 dev/null c 1 3; mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9
                cp -a {_work}/etc/. etc/
                cp {program} nativekubelet
                cp /usr/sbin/runc usr/sbin/runc
                for library in {string.Join(' ', libraries)}; do mkdir -p .$(dirname $library); cp -L $library .$library; done
                cp {_work}/pod.yaml pod.yaml
                cp {Busybox} busybox
                mount -t proc proc proc
                mount --rbind /sys sys
                pivot_root . old
                exec /busybox sh -c '/busybox umount -l /old; /busybox rmdir /old; /busybox rm /busybox; exec /nativekubelet run --until=done --timeout=90s /pod.yaml'
                """);

            string said = Encoding.UTF8.GetString(result.Output) + Encoding.UTF8.GetString(result.Error);
            Assert.True(result.Exit.Code == 7, $"{result.Exit}: {said}{(File.Exists(_work + "/skopeo") ? File.ReadAllText(_work + "/skopeo") : "")}");
            Assert.True(names.Asked > 0, "nobody asked the resolver");
        }
        finally
        {
            registry.TrySignal(9);
            await registry.ReapAsync(CancellationToken.None);
        }
    }

    private void WriteEtc(string authority)
    {
        string etc = Directory.CreateDirectory(Path.Combine(_work, "etc")).FullName, trust = Directory.CreateDirectory(Path.Combine(_work, "trust")).FullName;
        File.WriteAllText(Path.Combine(etc, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:2\n");
        File.WriteAllText(Path.Combine(etc, "hosts"), "127.0.0.1 localhost\n");
        File.WriteAllText(Path.Combine(etc, "passwd"), "root:x:0:0:root:/:/nologin\n");
        File.WriteAllText(Path.Combine(etc, "group"), "root:x:0:\n");
        File.Copy(authority, Path.Combine(trust, "ca.crt"));
        string registry = Directory.CreateDirectory(Path.Combine(etc, "docker/certs.d", Registry + ":5000")).FullName;
        File.Copy(authority, Path.Combine(registry, "ca.crt"));
    }

    private static async Task<string[]> LibrariesAsync(string program) =>
    [
        .. from line in (await Images.Tool.RunAsync("/usr/bin/ldd", program)).Split('\n')
           from word in line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
           where word.StartsWith('/')
           select word.TrimEnd(':'),
    ];

    private static Task<ToolResult> Script(NetworkNamespace node, string script)
    {
        SpawnRequest request = new("/usr/bin/unshare", ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script])
        {
            Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"],
        };
        return node.Run(() => ToolRun.RunAsync(request, default, 1 << 20, TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken));
    }

    /// <summary>A resolver that knows one name: an address for A, nothing for the rest (RFC 1035 §4).</summary>
    private sealed class NameServer : IDisposable
    {
        private readonly Socket _socket;
        private readonly byte[] _name;
        private readonly IPAddress _address;
        private int _asked;

        public NameServer(NetworkNamespace node, string name, IPAddress address)
        {
            _name = [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];
            _address = address;
            _socket = node.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            _socket.Bind(new IPEndPoint(IPAddress.Loopback, 53));
            _ = Task.Run(ServeAsync);
        }

        public int Asked => _asked;

        public void Dispose() => _socket.Dispose();

        private async Task ServeAsync()
        {
            byte[] question = new byte[512];
            while (true)
            {
                SocketReceiveFromResult from = await _socket.ReceiveFromAsync(question, new IPEndPoint(IPAddress.Any, 0));
                Interlocked.Increment(ref _asked);
                await _socket.SendToAsync(Answer(question.AsSpan(0, from.ReceivedBytes)), from.RemoteEndPoint);
            }
        }

        private byte[] Answer(ReadOnlySpan<byte> question)
        {
            int end = 12 + question[12..].IndexOf((byte)0) + 1 + 4;        // the first name, its type and class
            bool known = question[12..(end - 4)].SequenceEqual(_name), address = known && question[end - 3] == 1;
            byte[] head = [.. question[..2], 0x81, (byte)(known ? 0x80 : 0x83), 0, 1, 0, (byte)(address ? 1 : 0), 0, 0, 0, 0, .. question[12..end]];
            return address ? [.. head, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, .. _address.GetAddressBytes()] : head;
        }
    }
}
