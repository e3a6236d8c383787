/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v8::Platform of a process with one thread: every task, delayed or not, is
 * queued here and run by the host's loop; nothing runs by itself.
 */
#ifndef AWORKER_V8_PLATFORM_H
#define AWORKER_V8_PLATFORM_H

#include <deque>
#include <map>
#include <memory>

#include <v8-platform.h>

class task_queue
{
      public:
	typedef void (*wake_fn)(void *data, double delay_ms);

	void set_wake(wake_fn fn, void *data);
	void post(std::unique_ptr<v8::Task> task);
	void post_delayed(std::unique_ptr<v8::Task> task, double delay_s);
	/* Runs one task that is due; true when another is. Tells the host about the next one. */
	bool run_one();
	/* Runs all, those that are not due yet too, and forgets what they post without end. */
	void drain();
	void clear();

      private:
	std::unique_ptr<v8::Task> take_due();
	void wish(double delay_s);

	std::deque<std::unique_ptr<v8::Task>> now_;
	std::multimap<double, std::unique_ptr<v8::Task>> later_; /* by due time, seconds */
	wake_fn wake_ = nullptr;
	void *wake_data_ = nullptr;
};

class loop_platform final : public v8::Platform
{
      public:
	loop_platform();

	task_queue &tasks();

	v8::PageAllocator *GetPageAllocator() override;
	int NumberOfWorkerThreads() override;
	std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner(v8::Isolate *isolate) override;
	void CallOnWorkerThread(std::unique_ptr<v8::Task> task) override;
	void CallDelayedOnWorkerThread(std::unique_ptr<v8::Task> task, double delay_s) override;
	std::unique_ptr<v8::JobHandle> PostJob(
		v8::TaskPriority priority, std::unique_ptr<v8::JobTask> job) override;
	/* Pure from V8 10.5 on, unknown before. */
	virtual std::unique_ptr<v8::JobHandle> CreateJob(
		v8::TaskPriority priority, std::unique_ptr<v8::JobTask> job) final;
	double MonotonicallyIncreasingTime() override;
	double CurrentClockTimeMillis() override;
	v8::TracingController *GetTracingController() override;

      private:
	std::shared_ptr<task_queue> queue_;
	std::shared_ptr<v8::TaskRunner> runner_;
	std::unique_ptr<v8::Platform> stock_; /* for its page allocator, which has no public name */
	v8::TracingController tracing_;
};

#endif
